import { z } from 'zod';
import { ERRORS, type ErrorCode } from './errors.ts';
import { explainedRequest } from './explain-api.ts';
import { snapshotShape } from './snapshot.ts';

/**
 * `POST /internal/v1/policy-tests` of a gateway: how draft rules decide the requests of tests, on a clock and counters of
 * their own. Bearer `GATEWAY_TOKEN`.
 */
export const POLICY_TESTS_PATH = '/internal/v1/policy-tests';

/** Tests that there may be. */
export const MAX_POLICY_TESTS = 200;

const MAX_CASES = 100;
const MAX_BODY_CHARACTERS = 16_000;
const MAX_TEST_CHARACTERS = 100_000;
const MAX_TOKENS = 1_000_000_000;
/** 30 days: the longest window of a limit. */
const MAX_MS = 30 * 24 * 3_600_000;

/** Tests are kept readable, so a key is named by its id and never by its secret. */
const SECRET_HEADERS = ['authorization', 'x-virtual-key'];

const testedRequest = explainedRequest
  .omit({ virtualKeyId: true })
  .extend({
    headers: explainedRequest.shape.headers.refine(
      (headers) => Object.keys(headers).every((name) => !SECRET_HEADERS.includes(name.toLowerCase())),
      'A test holds no secret: name the virtual key by its id in virtualKeyId.',
    ),
    body: z
      .unknown()
      .optional()
      .refine(
        (body) => body === undefined || JSON.stringify(body).length <= MAX_BODY_CHARACTERS,
        `A body has at most ${MAX_BODY_CHARACTERS} characters.`,
      ),
  })
  .strict();

/** What a case must come to; a field that is not set may be anything. */
const expectation = z
  .object({
    decision: z.enum(['allowed', 'refused']),
    /** Of the error. */
    code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]).optional(),
    /** One of the policies that refuse. */
    policyId: z.string().min(1).max(40).optional(),
    policyName: z.string().min(1).max(100).optional(),
    /** Code of the namespace that the request is in. */
    namespace: z.string().min(1).max(50).optional(),
  })
  .strict()
  .refine(
    ({ decision, code, policyId, policyName }) =>
      decision === 'refused' || (code ?? policyId ?? policyName) === undefined,
    'What is allowed has no error and no policy that refuses.',
  );

const policyTestCase = z
  .object({
    name: z.string().min(1).max(100),
    request: testedRequest.default({ method: 'POST', path: '/v1/chat/completions', headers: {}, query: {} }),
    /** When it arrives, ms from the start of the test. */
    atMs: z.number().int().min(0).max(MAX_MS).default(0),
    /** Id or prefix of the virtual key that it comes with. */
    virtualKeyId: z.string().min(1).max(100).optional(),
    /** Tokens that the input is taken to have; absent: estimated from its text. */
    inputTokens: z.number().int().min(0).max(MAX_TOKENS).optional(),
    /** Tokens that the answer is taken to have, never more than its cap; absent: as many as are reserved. */
    outputTokens: z.number().int().min(0).max(MAX_TOKENS).optional(),
    /** How long it holds its slot and its reservation; at the last of these ms they are free. */
    durationMs: z.number().int().min(0).max(MAX_MS).default(0),
    expect: expectation,
  })
  .strict();

const cases = z
  .array(policyTestCase)
  .min(1)
  .max(MAX_CASES)
  .superRefine((all, context) => {
    for (const [index, { atMs }] of all.entries()) {
      if (atMs >= (all[index - 1]?.atMs ?? 0)) continue;
      context.addIssue({ code: 'custom', path: [index, 'atMs'], message: 'It is before the case that it follows.' });
    }
    if (JSON.stringify(all).length > MAX_TEST_CHARACTERS) {
      context.addIssue({ code: 'custom', message: `The cases have more than ${MAX_TEST_CHARACTERS} characters.` });
    }
  });

/** Requests that follow one another, and what the rules must decide about each. No rule: gateways do not keep it. */
export const policyTestShape = z.object({
  id: z.string(),
  name: z.string().min(1).max(100),
  description: z.string().max(500).default(''),
  isEnabled: z.boolean().default(true),
  cases,
});

/** What a gateway is asked: rules as gateways take them, and tests. */
export const policyTestsQuestion = z.object({
  rules: snapshotShape,
  tests: z.array(policyTestShape).max(MAX_POLICY_TESTS),
});

/** What became of a case. */
export const policyTestCaseResult = z.object({
  name: z.string(),
  isPassed: z.boolean(),
  decision: z.enum(['allowed', 'refused']),
  code: z.string().optional(),
  /** Those that refuse. */
  policies: z.array(z.object({ id: z.string(), name: z.string() })),
  /** Code of the namespace, when the request came so far. */
  namespace: z.string().optional(),
  /** Why it was refused, or could not be run. */
  message: z.string().optional(),
});

/** What became of a test: it has passed when all of its cases have. */
export const policyTestResult = z.object({
  testId: z.string(),
  name: z.string(),
  isPassed: z.boolean(),
  cases: z.array(policyTestCaseResult),
});

/** What a gateway answers: a result for each test, in their order. */
export const policyTestsAnswer = z.object({ results: z.array(policyTestResult) });

export type PolicyTest = z.infer<typeof policyTestShape>;
export type PolicyTestCase = z.infer<typeof policyTestCase>;
export type PolicyTestResult = z.infer<typeof policyTestResult>;
export type PolicyTestCaseResult = z.infer<typeof policyTestCaseResult>;
export type PolicyTestsQuestion = z.infer<typeof policyTestsQuestion>;
