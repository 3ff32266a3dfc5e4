// Decides who may ask the studio. Other pages in the same browser, and other users of the same machine,
// may not.

import { timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** Why a request is refused. */
export interface Refusal {
  readonly status: number
  readonly message: string
}

/** What a request must show. */
export interface Credentials {
  readonly port: number
  readonly token: string
}

const loopback = ['127.0.0.1', 'localhost', '[::1]']

/** Cookies are shared by all ports of a host, so the name contains the port. */
export const cookieName = (port: number) => `nano-gpt-studio-${port}`

/** The cookie that holds the token. Neither scripts nor other sites see it. */
export function cookieFor({ port, token }: Credentials): string {
  return `${cookieName(port)}=${token}; Path=/; HttpOnly; SameSite=Strict`
}

/**
 * The reason to refuse a request, if any. The Host defeats DNS rebinding; Origin and Sec-Fetch-Site
 * defeat requests from other pages; the token defeats everything else.
 */
export function refusalOf(request: IncomingMessage, url: URL, credentials: Credentials): Refusal | undefined {
  const { host, origin } = request.headers
  const hosts = loopback.map((name) => `${name}:${credentials.port}`)
  if (host === undefined || !hosts.includes(host))
    return { status: 403, message: 'This address does not belong to the studio.' }
  if (origin !== undefined && origin !== `http://${host}`)
    return { status: 403, message: 'Another page may not use the studio.' }
  const site = request.headers['sec-fetch-site']
  const isPage = request.method === 'GET' && url.pathname === '/'
  if (!isPage && site !== undefined && site !== 'same-origin')
    return { status: 403, message: 'Another page may not use the studio.' }
  if (request.method === 'POST' && origin === undefined)
    return { status: 403, message: 'A request that changes something must have an Origin.' }
  const given = isPage
    ? (url.searchParams.get('token') ?? tokenOf(request, credentials))
    : tokenOf(request, credentials)
  if (given === undefined || !isEqual(given, credentials.token))
    return {
      status: 401,
      message: 'Open the address that the terminal shows: it contains the key to this page.',
    }
  return undefined
}

/** The token in the cookie. */
function tokenOf({ headers }: IncomingMessage, { port }: Credentials): string | undefined {
  const cookies = (headers.cookie ?? '').split(/; */).map((pair) => pair.split('='))
  return cookies.find(([name]) => name === cookieName(port))?.[1]
}

/** Compares in constant time. */
function isEqual(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
