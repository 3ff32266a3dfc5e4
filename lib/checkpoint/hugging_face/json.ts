// Reads the JSON files of Hugging Face and PEFT folders.

import { NanoGptError, reasonOf } from '../../errors'
import { parseJson } from '../../files/json'
import { readSmallFile } from '../../files/read'

/** The largest config.json or adapter_config.json, in bytes. */
const longestConfig = 1 << 20

/** What to do about a damaged file of a folder. */
export const again = 'copy the folder again from its source'

/**
 * @param most the largest size, in bytes
 * @throws NanoGptError 'checkpoint' for what is not JSON; 'file_not_found', 'read_failed'
 */
export async function readJson(file: string, most = longestConfig): Promise<unknown> {
  const bytes = await readSmallFile(file, most)
  try {
    return parseJson(Buffer.from(bytes).toString())
  } catch (cause) {
    throw new NanoGptError(
      'checkpoint',
      { subject: file, reason: `it is not valid JSON (${reasonOf(cause)})`, remedy: again },
      { cause },
    )
  }
}
