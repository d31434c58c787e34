import { portkeyConfigFaults, portkeyConfigShape } from '@ai-gateway/contracts';
import type { PortkeyConfigDraft } from './use-portkey-configs.ts';

/** What of a config people edit as text. */
const routing = portkeyConfigShape.omit({ id: true, providerId: true, name: true, description: true, isEnabled: true });

type Routing = Omit<PortkeyConfigDraft, 'providerId' | 'name' | 'description' | 'isEnabled'>;

/** The routing of a config as text. */
export function textOfRouting(config: object): string {
  const { data } = routing.safeParse(config);
  return JSON.stringify(data ?? {}, undefined, 2);
}

/** The routing in a text, which has no faults. */
export function routingIn(text: string): Routing {
  // The form has refused every text that has another shape.
  return JSON.parse(text) as Routing;
}

/** What is wrong with a text, as far as it can be told without the other rows; undefined when nothing is. */
export function faultOfRouting(text: string, providerId: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const { data, error } = routing.strict().safeParse(value);
  const issue = error?.issues[0];
  if (data === undefined) return `${issue?.path.join('.')} ${issue?.message}`.trim();
  const rest = { providerId, name: 'any', description: '', isEnabled: true };
  const [fault] = portkeyConfigFaults({ ...data, ...rest });
  return fault && `${fault.path} ${fault.message}`;
}
