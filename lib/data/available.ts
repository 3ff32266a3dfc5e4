// The first corpus that is cached or can be downloaded, for those who gave no text.

import { NanoGptError, option, type Phrase, reasonOf, say } from '../errors'
import { corpusNames, loadText } from './corpus'

/** A download that takes longer counts as failed. */
const secondsToFetch: Readonly<Record<string, number>> = { shakespeare: 20, 'moby-dick': 40 }

/**
 * The name of the first corpus that is available. It is in the cache afterwards.
 *
 * @param where the function or command that was called, for the message
 * @param notice called with a sentence about a download, or a corpus that is not available
 * @throws NanoGptError 'no_text'
 */
export async function availableCorpus(
  where: string,
  notice?: (message: string | Phrase) => void,
): Promise<string> {
  const failures: string[] = []
  for (const name of corpusNames) {
    try {
      await loadText([name], { notice, signal: AbortSignal.timeout(1000 * secondsToFetch[name]) })
      return name
    } catch (error) {
      const reason = outOfReach(error)
      if (reason === undefined) throw error
      failures.push(`${name} (${reason})`)
      notice?.(`${name} is not available: ${reason}`)
    }
  }
  throw new NanoGptError('no_text', {
    where,
    reason: `there is no text to train on: neither ${failures.join(' nor ')} is available`,
    remedy: say`Give a text file with ${option('data')}`,
  })
}

/** Why a corpus could not be downloaded; undefined for any other error. */
function outOfReach(error: unknown): string | undefined {
  if ((error as Error)?.name === 'TimeoutError') return 'the download took too long'
  if (!(error instanceof NanoGptError) || error.code !== 'download_failed') return undefined
  return reasonOf(error.cause ?? error)
}
