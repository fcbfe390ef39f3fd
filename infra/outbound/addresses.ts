import { BlockList, isIP } from 'node:net'

/**
 * Which addresses the product may call on behalf of partners. Whoever may name a URL could otherwise make it call what
 * only this network can reach: its own services, its neighbours, the metadata of a cloud (SSRF).
 */

/** Special-purpose ranges of IPv4 (IANA): nothing that a partner's server is reached at. */
const REFUSED_IPV4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
]
/** Of IPv6 only global unicast is taken, and of that not what carries an IPv4 address, or is for documents and tests. */
const GLOBAL_IPV6 = ['2000::', 3] as const
const REFUSED_IPV6: readonly (readonly [string, number])[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
]

const refused = new BlockList()
for (const [net, bits] of REFUSED_IPV4) refused.addSubnet(net, bits, 'ipv4')
for (const [net, bits] of REFUSED_IPV6) refused.addSubnet(net, bits, 'ipv6')
const globalIpv6 = new BlockList()
globalIpv6.addSubnet(...GLOBAL_IPV6, 'ipv6')

/** True for an address that everybody on the internet can reach. Anything that is no address is not. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address)
  if (family === 4) return !refused.check(address, 'ipv4')
  return family === 6 && globalIpv6.check(address, 'ipv6') && !refused.check(address, 'ipv6')
}

/** Networks such as `10.0.0.0/8`, by which private addresses are allowed. Throws RangeError for what is none. */
export function parseNetworks(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [, net = '', bits = ''] = /^([0-9a-fA-F.:]+)\/(\d{1,3})$/.exec(network) ?? []
    const family = isIP(net)
    if (family === 0 || Number(bits) > (family === 4 ? 32 : 128)) {
      throw new RangeError(`${network} is no network such as 10.0.0.0/8`)
    }
    list.addSubnet(net, Number(bits), family === 4 ? 'ipv4' : 'ipv6')
  }
  return list
}

/** True where one of the networks has the address. */
export function isWithin(networks: BlockList, address: string): boolean {
  const family = isIP(address)
  return family !== 0 && networks.check(address, family === 4 ? 'ipv4' : 'ipv6')
}
