import dns from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { type ConnectGuard, UpstreamFailure } from '../services.ts';

type Resolve = (
  host: string,
  options: { readonly all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: readonly { address: string; family: number }[]) => void,
) => void;

export interface ConnectGuardOptions {
  /** Providers may be on this machine and in private networks, and be reached without TLS. */
  readonly allowPrivate: boolean;
  /** Ports that providers may be on; absent: any where private addresses are allowed, else those of the web. */
  readonly ports?: readonly number[] | 'any' | undefined;
  /** Default: the resolver of the system. */
  readonly resolve?: Resolve;
}

type Range = readonly [network: string, prefix: number, family: 'ipv4' | 'ipv6'];

/** Where no provider can be: link-local addresses (cloud metadata), multicast, reserved, and translated ones. */
const NEVER: readonly Range[] = [
  ['0.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['192.0.0.0', 24, 'ipv4'],
  ['198.18.0.0', 15, 'ipv4'],
  ['224.0.0.0', 4, 'ipv4'],
  ['240.0.0.0', 4, 'ipv4'],
  // Metadata services inside ranges that are otherwise private: Alibaba Cloud, AWS over IPv6.
  ['100.100.100.200', 32, 'ipv4'],
  ['fd00:ec2::254', 128, 'ipv6'],
  ['::', 128, 'ipv6'],
  ['fe80::', 10, 'ipv6'],
  ['ff00::', 8, 'ipv6'],
  ['64:ff9b::', 96, 'ipv6'],
  ['2002::', 16, 'ipv6'],
];

/** This machine and private networks. */
const PRIVATE: readonly Range[] = [
  ['10.0.0.0', 8, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['::1', 128, 'ipv6'],
  ['fc00::', 7, 'ipv6'],
];

const WEB_PORTS: readonly number[] = [80, 443];

/**
 * Guards the one moment that counts: a name is resolved when a connection is made, every address it has is checked, and
 * the connection goes to an address that was checked, so that a name cannot point elsewhere a moment later.
 */
export function connectGuard({
  allowPrivate,
  ports = allowPrivate ? 'any' : WEB_PORTS,
  resolve = dns.lookup as Resolve,
}: ConnectGuardOptions): ConnectGuard {
  const refused = new BlockList();
  for (const [network, prefix, family] of allowPrivate ? NEVER : [...NEVER, ...PRIVATE]) {
    refused.addSubnet(network, prefix, family);
  }
  // A mapped address is checked as the IPv4 address that it stands for.
  const isRefused = (address: string) => refused.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');

  const mayUse = (port: number) => ports === 'any' || ports.includes(port);

  const lookup: LookupFunction = (host, options, callback) => {
    resolve(host, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? [];
      if (error !== null || first === undefined) return callback(error ?? refusal(host), '');
      if (addresses.some(({ address }) => isRefused(address))) return callback(refusal(host), '');
      if (options.all === true) return callback(null, [...addresses]);
      return callback(null, first.address, first.family);
    });
  };
  return {
    lookup,
    check(url) {
      const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
      const isPlain = url.protocol !== 'https:';
      if ((isPlain && !allowPrivate) || (isIP(host) !== 0 && isRefused(host))) {
        throw new UpstreamFailure({ kind: 'connect', internal: refusal(host).message });
      }
      const port = Number(url.port) || (isPlain ? 80 : 443);
      if (!mayUse(port)) {
        const internal = `no connection to port ${port} is allowed; see UPSTREAM_PORTS`;
        throw new UpstreamFailure({ kind: 'connect', internal });
      }
    },
  };
}

function refusal(host: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`no connection to ${host} is allowed; see UPSTREAM_ALLOW_PRIVATE`), {
    code: 'EADDRNOTALLOWED',
  });
}
