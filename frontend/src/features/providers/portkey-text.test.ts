import { describe, expect, it } from 'vitest';
import { faultOfRouting, routingIn, textOfRouting } from './portkey-text.ts';

const TARGET = { providerId: 'prov_a' };

describe('the routing of a Portkey config as text', () => {
  it('is what the config says, without what other fields of the form say', () => {
    const text = textOfRouting({ id: 'pkc_1', providerId: 'prov_p', name: 'main', targets: [TARGET] });
    expect(Object.keys(JSON.parse(text))).toEqual(['strategy', 'targets', 'metadata']);
    expect(routingIn(text).targets).toEqual([{ ...TARGET, weight: 1 }]);
    expect(faultOfRouting(text, 'prov_p')).toBeUndefined();
  });

  it.each([
    ['{', 'JSON'],
    ['{"targets":[]}', 'targets'],
    ['{"targets":[{"providerId":"prov_a"}],"colour":"red"}', 'colour'],
    ['{"targets":[{"providerId":"prov_p"}]}', 'targets.0.providerId'],
    ['{"targets":[{"providerId":"prov_a"}],"overrideParams":{"max_tokens":9}}', 'overrideParams.max_tokens'],
  ])('%s is refused with the place', (text, place) => {
    expect(faultOfRouting(text, 'prov_p')).toContain(place);
  });
});
