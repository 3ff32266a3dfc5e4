// Parses JSON from outside. JSON.parse alone silently takes the last of repeated keys, and blocks
// the process for as long as the text demands.

import { show } from '../errors'
import { atOnce } from './turns'

/** Levels of nesting. Deep nesting overflows the stack of some parsers. */
const mostLevels = 16
/** Members of the outermost object or array. A checkpoint of 1000 layers has 60,000 tensors. */
const mostMembers = 100_000
/** Members and elements at all levels. */
const mostValues = 1_000_000

/** Characters between which other events are handled: a few milliseconds. */
const charactersPerTurn = 1 << 18

/** @throws SyntaxError for invalid JSON, a repeated key, and JSON beyond a limit */
export function parseJson(text: string): unknown {
  return atOnce(parsingJson(text))
}

/** Like `parseJson`, in slices (see turns.ts). Only the last, JSON.parse itself, may be long. */
export function* parsingJson(text: string): Generator<void, unknown> {
  yield* checking(text)
  return JSON.parse(text)
}

/**
 * Checks the limits and the keys. JSON.parse reports all other errors. Scans by hand, because a
 * regular expression could take quadratic time.
 */
function* checking(text: string): Generator<void, void> {
  const open: (Set<string> | undefined)[] = []
  let previous = ''
  let [values, members] = [0, 0]
  let pause = charactersPerTurn
  for (let i = 0; i < text.length; i++) {
    if (i >= pause) {
      pause = i + charactersPerTurn
      yield
    }
    const character = text[i]
    if (character === '{' || character === '[') {
      if (open.length === mostLevels) throw new SyntaxError(`it nests deeper than ${mostLevels} levels`)
      open.push(character === '{' ? new Set() : undefined)
    } else if (character === '}' || character === ']') open.pop()
    else if (character === '"') {
      const end = endOfString(text, i)
      if (previous === '{' || previous === ',') addKey(open.at(-1), text.slice(i, end))
      i = end - 1
    } else if (character === ',') {
      if (++values >= mostValues) throw new SyntaxError(`it has more than ${mostValues} values`)
      if (open.length === 1 && ++members >= mostMembers)
        throw new SyntaxError(`it has more than ${mostMembers} members`)
    } else if (character !== ':') continue
    previous = character
  }
}

/** The index after the closing quote of the string that begins at `start`, or the text's end. */
function endOfString(text: string, start: number): number {
  let i = start + 1
  while (i < text.length && text[i] !== '"') i += text[i] === '\\' ? 2 : 1
  return Math.min(i + 1, text.length)
}

function addKey(keys: Set<string> | undefined, quoted: string): void {
  if (keys === undefined) return
  // The quotes stay: they distinguish no keys, and removing them would copy every one.
  const key = quoted.includes('\\') ? JSON.stringify(JSON.parse(quoted)) : quoted
  if (keys.has(key)) throw new SyntaxError(`the name ${show(JSON.parse(key))} appears twice`)
  keys.add(key)
}
