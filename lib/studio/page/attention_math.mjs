// Attention weights, as the server sends them, and what is plain in them.

import { bytesOf } from './base64.mjs'

/**
 * The weights of a look at a text: `row(layer, head, t)` is the attention that token t pays to tokens
 * 0 … t. The server sends weights relative to the largest of their row, and a row sums to 1.
 */
export function weightsOf({ tokens, heads, weights }) {
  const bytes = bytesOf(weights)
  const T = tokens.length
  const perHead = (T * (T + 1)) / 2
  return {
    row(layer, head, t) {
      const from = (layer * heads + head) * perHead + (t * (t + 1)) / 2
      const row = new Float32Array(bytes.subarray(from, from + t + 1))
      let sum = 0
      for (let s = 0; s <= t; s++) sum += row[s]
      for (let s = 0; s <= t; s++) row[s] /= sum
      return row
    },
  }
}

/** How dark a weight is drawn, from 0 to 1. The root lets small weights be seen too. */
export const shadeOf = (weight) => Math.sqrt(weight)

/** Where a head can look, as shares of its attention from token t. */
const places = {
  self: (row, t) => row[t],
  previous: (row, t) => row[t - 1],
  first: (row) => row[0],
  spaces: (row, _, tokens) => shareOf(row, (s) => /^\s+$/.test(tokens[s].text)),
  same: (row, t, tokens) => shareOf(row, (s) => s < t && tokens[s].id === tokens[t].id),
  after: (row, t, tokens) => shareOf(row, (s) => s > 0 && s < t && tokens[s - 1].id === tokens[t].id),
}

const shareOf = (row, isThere) => row.reduce((sum, weight, s) => (isThere(s) ? sum + weight : sum), 0)

/** 1 if a row spreads evenly, 0 if it looks at one token. */
const evennessOf = (row) =>
  -row.reduce((sum, weight) => (weight > 0 ? sum + weight * Math.log(weight) : sum), 0) / Math.log(row.length)

/**
 * What a head does all over the text: one of the places above, if more than half of its attention goes there,
 * 'near' or 'even'. `share` is how much of it does. undefined: nothing is plain.
 */
export function patternOf({ row }, tokens, { layer, head }) {
  // The first tokens have little to look back at.
  const start = Math.max(4, Math.floor(tokens.length / 4))
  const rows = tokens.slice(start).map((_, i) => ({ t: start + i, row: row(layer, head, start + i) }))
  if (rows.length === 0) return undefined
  const mean = (share) => rows.reduce((sum, { t, row }) => sum + share(row, t, tokens), 0) / rows.length
  if (mean(evennessOf) > 0.95) return { name: 'even' }
  const shares = Object.entries(places).map(([name, share]) => ({ name, share: mean(share) }))
  const most = shares.reduce((best, each) => (each.share > best.share ? each : best))
  if (most.share > 0.5) return most
  const share = mean((row, t) => shareOf(row, (s) => s > t - 5))
  return share > 0.7 ? { name: 'near', share } : undefined
}

/** The tokens of a row with the largest weights, largest first. */
export const topOf = (row, count) =>
  Array.from(row.keys())
    .sort((a, b) => row[b] - row[a])
    .slice(0, count)
    .filter((s) => row[s] >= 0.005)
