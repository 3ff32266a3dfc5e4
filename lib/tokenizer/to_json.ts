// Any tokenizer as a tokenizer.json of Hugging Face, which gives the same tokens and texts there; and one
// of characters back.

import { NanoGptError, show } from '../errors'
import { BpeTokenizer } from './bpe'
import { CharTokenizer } from './char'
import { Gpt2Tokenizer } from './gpt2'
import { JsonTokenizer } from './json'
import { type JsonParts, lettersOf } from './json_parts'
import type { Tokenizer } from './tokenizer'

/** Tokens that end a text in known vocabularies. */
const ends = ['<|endoftext|>', '<|end_of_text|>', '</s>', '<|eot_id|>', '<|im_end|>']

/** The token that ends a text, if the vocabulary has one; undefined otherwise. */
export function endOfText(tokenizer: Tokenizer): { id: number; content: string } | undefined {
  const added = addedTokens(tokenizer).filter(({ special }) => special)
  for (const end of ends) {
    const found = added.find(({ content }) => content === end)
    if (found) return found
  }
  return undefined
}

/** Tokens that stand for their text whatever is around it. */
export function addedTokens(tokenizer: Tokenizer): JsonParts['added_tokens'] {
  if (tokenizer instanceof JsonTokenizer) return tokenizer.toJSON().added_tokens
  if (!(tokenizer instanceof Gpt2Tokenizer)) return []
  const id = tokenizer.vocabSize - 1
  return [{ id, content: Buffer.from(tokenizer.bytesOf(id)).toString(), special: true }]
}

/**
 * The contents of the tokenizer.json.
 *
 * @throws NanoGptError 'export' if two tokens have the same text, so that the file cannot name them
 */
export function tokenizerToJson(tokenizer: Tokenizer): object {
  const { decoder, ...parts } = partsOf(tokenizer)
  const added_tokens = addedTokens(tokenizer).map((token) => ({
    ...token,
    ...{ single_word: false, lstrip: false, rstrip: false, normalized: false },
  }))
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens,
    normalizer: parts.normalizer,
    pre_tokenizer: parts.pre_tokenizer,
    post_processor: null,
    decoder,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      ...parts.model,
    },
  }
}

type Parts = Pick<JsonParts, 'normalizer' | 'pre_tokenizer'> & {
  readonly decoder: object
  readonly model: object
}

function partsOf(tokenizer: Tokenizer): Parts {
  if (tokenizer instanceof JsonTokenizer) {
    const { normalizer, pre_tokenizer, model } = tokenizer.toJSON()
    return { normalizer, pre_tokenizer, model, decoder: decoderOf(tokenizer) }
  }
  if (tokenizer instanceof CharTokenizer) {
    // Without merges, every character is a token.
    const { characters } = tokenizer.toJSON()
    const vocab = Object.fromEntries([...characters].map((character, id) => [character, id]))
    const model = { byte_fallback: false, ignore_merges: false, vocab, merges: [] }
    return { normalizer: null, pre_tokenizer: null, decoder: { type: 'Fuse' }, model }
  }
  const pairs = mergesOf(tokenizer)
  const model = { byte_fallback: false, ignore_merges: false, vocab: vocabularyOf(tokenizer), merges: pairs }
  // Without merges, pieces need not be told apart.
  const pre_tokenizer = { ...byteLevel, use_regex: pairs.length > 0 }
  return { normalizer: null, pre_tokenizer, decoder: byteLevel, model }
}

const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }

function decoderOf({ model }: JsonTokenizer): object {
  if (model.byteLevel) return byteLevel
  const space = { type: 'Replace', pattern: { String: '▁' }, content: ' ' }
  const strip = model.prefix === 'none' ? [] : [{ type: 'Strip', content: ' ', start: 1, stop: 0 }]
  return { type: 'Sequence', decoders: [space, { type: 'ByteFallback' }, { type: 'Fuse' }, ...strip] }
}

/** The letters that stand for the bytes of a token. */
function tokenOf(tokenizer: Tokenizer, id: number): string {
  const bytes = tokenizer.bytesOf(id)
  return lettersOf(bytes, 0, bytes.length)
}

function vocabularyOf(tokenizer: Tokenizer): Record<string, number> {
  const added = new Map(addedTokens(tokenizer).map(({ id, content }) => [id, content]))
  const ids = new Map<string, number>()
  for (let id = 0; id < tokenizer.vocabSize; id++) {
    const token = added.get(id) ?? tokenOf(tokenizer, id)
    const other = ids.get(token)
    if (other !== undefined) {
      throw new NanoGptError('export', {
        where: 'export',
        reason: `the tokens ${other} and ${id} are both ${show(token)}, and a tokenizer.json has every token once`,
        remedy: 'train a model with another tokenizer',
      })
    }
    ids.set(token, id)
  }
  return Object.fromEntries(ids)
}

/** The pairs of tokens that are merged, in the order of their ranks. */
export function mergesOf(tokenizer: Tokenizer): [string, string][] {
  if (!(tokenizer instanceof Gpt2Tokenizer || tokenizer instanceof BpeTokenizer)) return []
  const { merges } = tokenizer
  return Array.from({ length: merges.length / 2 }, (_, i) => [
    tokenOf(tokenizer, merges[2 * i]),
    tokenOf(tokenizer, merges[2 * i + 1]),
  ])
}

/**
 * The tokenizer of characters that a tokenizer.json contains; undefined if it contains another one.
 *
 * @throws NanoGptError 'tokenizer' unless its tokens are distinct characters in code point order
 */
export function charactersIn(json: unknown): CharTokenizer | undefined {
  const { model, normalizer, pre_tokenizer, added_tokens, decoder } = Object(json)
  const { type, vocab, merges, byte_fallback } = Object(model)
  const isPlain = type === 'BPE' && Array.isArray(merges) && merges.length === 0 && byte_fallback !== true
  const others = [normalizer, pre_tokenizer, ...(Array.isArray(added_tokens) ? added_tokens : [added_tokens])]
  if (!isPlain || Object(decoder).type !== 'Fuse' || others.some((other) => other)) return undefined
  const entries = Object.entries(Object(vocab) as Record<string, unknown>)
  const characters = entries.sort(([, a], [, b]) => Number(a) - Number(b))
  if (characters.some(([character, id], i) => id !== i || [...character].length !== 1)) return undefined
  return CharTokenizer.fromJSON({ type: 'char', characters: characters.map(([each]) => each).join('') })
}
