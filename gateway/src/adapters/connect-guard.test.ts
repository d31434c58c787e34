import { createServer } from 'node:http';
import type { AddressInfo, LookupFunction } from 'node:net';
import { upstreamShape } from '@ai-gateway/contracts';
import { describe, expect, it } from 'vitest';
import { connectGuard } from './connect-guard.ts';
import { httpUpstreamClient } from './upstream-client.ts';

type Answers = readonly { readonly address: string; readonly family: number }[];

/** A guard whose resolver gives one answer after the other, the last one for ever. */
function guardOf(allowPrivate: boolean, ...answers: readonly Answers[]) {
  let asked = 0;
  return connectGuard({
    allowPrivate,
    resolve: (_host, _options, callback) => callback(null, answers[Math.min(asked++, answers.length - 1)] ?? []),
  });
}

const v4 = (address: string) => ({ address, family: 4 });

function lookUp(lookup: LookupFunction): Promise<string> {
  return new Promise((resolve, reject) => {
    lookup('provider.example', {}, (error, address) => (error === null ? resolve(String(address)) : reject(error)));
  });
}

const PRIVATE = [
  '127.0.0.1',
  '10.1.2.3',
  '172.16.0.1',
  '192.168.1.1',
  '100.64.0.1',
  '::1',
  'fd12::1',
  '::ffff:10.0.0.1',
];
const NEVER = [
  '0.0.0.0',
  '169.254.169.254',
  '::ffff:169.254.169.254',
  '100.100.100.200',
  'fd00:ec2::254',
  'fe80::1',
  '224.0.0.1',
  '255.255.255.255',
  '64:ff9b::a9fe:a9fe',
  '2002:a9fe:a9fe::',
  '::',
];

describe('where connections may go', () => {
  it.each([...PRIVATE, ...NEVER])('%s is not public', async (address) => {
    const host = address.includes(':') ? `[${address}]` : address;
    expect(() => guardOf(false).check(new URL(`https://${host}/v1`))).toThrow('upstream connect');
    await expect(
      lookUp(guardOf(false, [v4('93.184.216.34'), { address, family: address.includes(':') ? 6 : 4 }]).lookup),
    ).rejects.toThrow('UPSTREAM_ALLOW_PRIVATE');
  });

  it.each(NEVER)('%s is refused even where private networks are allowed', (address) => {
    const host = address.includes(':') ? `[${address}]` : address;
    expect(() => guardOf(true).check(new URL(`http://${host}/v1`))).toThrow('upstream connect');
  });

  it.each(['http://2852039166/', 'http://0xa9fea9fe/', 'http://0251.0376.0251.0376/', 'http://169.254.43518/'])(
    '%s is a link-local address in disguise',
    (url) => {
      expect(() => guardOf(true).check(new URL(url))).toThrow('upstream connect');
    },
  );

  it('private networks and plain HTTP are allowed where the settings say so, public addresses always', async () => {
    for (const address of PRIVATE.filter((each) => !each.includes(':')))
      guardOf(true).check(new URL(`http://${address}/v1`));
    guardOf(false).check(new URL('https://93.184.216.34/v1'));
    expect(() => guardOf(false).check(new URL('http://93.184.216.34/v1'))).toThrow('upstream connect');
    expect(await lookUp(guardOf(false, [v4('93.184.216.34')]).lookup)).toBe('93.184.216.34');
    expect(await lookUp(guardOf(true, [v4('127.0.0.1')]).lookup)).toBe('127.0.0.1');
  });
});

describe('the ports of providers', () => {
  const url = (port: number) => new URL(`https://93.184.216.34:${port}/v1`);
  it.each([
    ['of the web where only public addresses are allowed', { allowPrivate: false }, [443, 80], [22, 6379, 8443]],
    ['any where private ones are', { allowPrivate: true }, [443, 22, 8000], []],
    ['those that the settings list', { allowPrivate: true, ports: [8443] }, [8443], [443, 80, 8000]],
    ['any that the settings allow', { allowPrivate: false, ports: 'any' as const }, [443, 8443, 22], []],
  ])('%s', (_name, options, allowed, refused) => {
    const { check } = connectGuard(options);
    for (const port of allowed) expect(() => check(url(port)), String(port)).not.toThrow();
    for (const port of refused) expect(() => check(url(port)), String(port)).toThrow('upstream connect');
  });
});

it('a name that points elsewhere a moment later is checked at each connection', async () => {
  let requests = 0;
  const server = createServer((_request, response) => {
    requests++;
    response.setHeader('connection', 'close');
    response.end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const client = httpUpstreamClient(guardOf(true, [v4('127.0.0.1')], [v4('169.254.169.254')]));
  const upstream = upstreamShape.parse({ id: 'u', providerId: 'p', baseUrl: `http://rebinding.example:${port}` });
  const send = () => client.send({ upstream, path: '/', headers: {}, body: '{}' }, new AbortController().signal);
  for await (const _ of (await send()).body);
  await expect(send()).rejects.toMatchObject({ failure: { kind: 'connect' } });
  expect(requests).toBe(1);
  await client.close();
  server.close();
});
