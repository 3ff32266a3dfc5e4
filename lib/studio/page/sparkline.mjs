// A small curve.

import { html } from './html.mjs'

const [width, height] = [96, 28]

export function Sparkline({ values }) {
  if (values.length < 2) return html`<span class="muted">–</span>`
  const [low, high] = [Math.min(...values), Math.max(...values)]
  const x = (i) => 1 + (i * (width - 2)) / (values.length - 1)
  const y = (value) => 2 + ((high - value) * (height - 4)) / (high - low || 1)
  const points = values.map((value, i) => `${x(i).toFixed(1)},${y(value).toFixed(1)}`).join(' ')
  return html`
    <svg class="sparkline" width=${width} height=${height} viewBox="0 0 ${width} ${height}" aria-hidden="true">
      <polyline points=${points} />
    </svg>
  `
}
