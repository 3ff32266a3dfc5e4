// The tokens of a text: in memory, or in a file of the cache folder if the text is large.

import { cacheFolder } from '../data/cache'
import type { LargeText, LoadTextOptions, Text } from '../data/corpus'
import { tokenFolder, tokensInFile } from '../data/token_file'
import { type Corpus, corpusOf } from '../tokenizer/span'
import type { Tokenizer } from '../tokenizer/tokenizer'

/** What is reported while a text is read. */
export type ReadOptions = Pick<LoadTextOptions, 'notice' | 'progress' | 'signal'>

/** @throws NanoGptError 'unknown_character'; for a large text also those of `tokensInFile` */
export async function encodeText(
  text: Text | LargeText,
  tokenizer: Tokenizer,
  reading: ReadOptions = {},
): Promise<Corpus> {
  if ('text' in text) return corpusOf(tokenizer.encode(text.text))
  return tokensInFile(text, tokenizer, { folder: tokenFolder(cacheFolder()), ...reading })
}
