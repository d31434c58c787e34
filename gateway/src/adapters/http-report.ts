import { type GatewayReport, REPORT_PATH, type ReportAnswer, reportAnswer } from '@ai-gateway/contracts';
import { request } from 'undici';

export interface HttpReportOptions {
  readonly url: URL;
  readonly token: string;
  readonly onAnswer: (answer: ReportAnswer) => void;
}

/** Sends reports to the config center. */
export function httpReport({ url, token, onAnswer }: HttpReportOptions): (report: GatewayReport) => Promise<void> {
  return async (report) => {
    const { body } = await request(new URL(REPORT_PATH, url), {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(report),
      headersTimeout: 2_000,
      bodyTimeout: 2_000,
    });
    const answer = reportAnswer.safeParse(await body.json());
    if (answer.success) onAnswer(answer.data);
  };
}
