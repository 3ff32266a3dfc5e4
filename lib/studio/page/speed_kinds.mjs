// The operations of a step: a bar for each kind, and a table of all.

import { html } from './html.mjs'
import { limitWords, time } from './speed_words.mjs'
import { count, percent } from './words.mjs'

export function Kinds({ kinds }) {
  return html`
    ${
      kinds.some(({ reach }) => reach !== null) &&
      html`<p class="legend" aria-hidden="true">
        <span><span class="swatch weights"></span>the least that this computer needs</span>
        <span><span class="swatch extra"></span>the rest of the time</span>
      </p>`
    }
    <ul class="kinds">
      ${kinds.map(
        ({ kind, about, part, ms, reach, limit }) => html`
          <li>
            <div>
              <h3>${kind}</h3>
              <p class="muted">${about}</p>
            </div>
            <div>
              <div class="track">
                <div class="extra" style=${{ width: `${100 * part}%` }}>
                  <div class="fill" style=${{ width: `${100 * Math.min(1, reach)}%` }}></div>
                </div>
              </div>
              <p><strong>${percent(part)}</strong> ${[time(ms), limitWords({ reach, limit })].filter(Boolean).join(' · ')}</p>
            </div>
          </li>
        `,
      )}
    </ul>
  `
}

const columns = ['Operation', 'Times', 'Time', 'Part', 'GFLOP/s', 'FLOP/byte', 'Limit']
const rate = (value) => (value ? Number(value.toPrecision(3)) : '–')

export function OpsTable({ ops }) {
  return html`
    <details class="options">
      <summary>All operations as a table</summary>
      <div class="scroll" tabindex="0" role="region" aria-label="Table of operations">
        <table class="number">
          <thead>
            <tr>${columns.map((name) => html`<th scope="col">${name}</th>`)}</tr>
          </thead>
          <tbody>
            ${ops.map((op) => html`<tr><th scope="row"><code>${op.name}</code></th>${cellsOf(op).map((cell) => html`<td>${cell}</td>`)}</tr>`)}
          </tbody>
        </table>
      </div>
    </details>
  `
}

const cellsOf = ({ calls, ms, part, flops, bytes, reach, limit }) => [
  ...[count(calls), time(ms), percent(part), rate(flops / ms / 1e6), rate(flops / bytes)],
  reach === null ? '–' : `${percent(reach)} of ${limit === 'compute' ? 'arithmetic' : 'memory'}`,
]
