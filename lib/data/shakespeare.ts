// Tiny Shakespeare: 1,115,394 characters, 65 distinct, in the public domain; downloaded once over
// https.

import { option, say } from '../errors'
import type { CacheOptions, RemoteText } from './cache'

const url = 'https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt'
const digest = '86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed'

/** A limit of several times the text's size, so that a wrong response cannot fill the memory. */
const mostBytes = 8 << 20
const timeoutSeconds = 60

/** The number of distinct characters: the vocabulary size of a CharTokenizer. */
export const shakespeareVocabSize = 65

export const shakespeare: RemoteText = {
  name: 'shakespeare',
  title: 'Tiny Shakespeare',
  from: new URL(url).host,
  sha256: digest,
  fetch: (options: CacheOptions) => (options.download ?? download)(url, options.signal),
  remedy: (path) =>
    say`Train on a text file of your own, ${option('data', './notes.txt')}, or on ${option('data', 'moby-dick')}, which is downloaded with npm. Or download ${url} on another machine and copy it to ${path}`,
}

/**
 * Downloads the bytes at an address.
 *
 * @throws Error if the response is not a success, is larger than 8 MiB, or takes more than 60
 *   seconds
 */
export async function download(address: string, signal?: AbortSignal): Promise<Uint8Array> {
  const timeout = AbortSignal.timeout(timeoutSeconds * 1000)
  const response = await fetch(address, { signal: signal ? AbortSignal.any([signal, timeout]) : timeout })
  if (!response.ok) throw new Error(`the server answered ${response.status} ${response.statusText}`)
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    length += chunk.byteLength
    if (length > mostBytes) throw new Error(`the server sends more than ${mostBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
