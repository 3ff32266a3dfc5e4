// A fork and the run that it continues: what differs, and which of them is better.

import { effect, signal } from '@preact/signals'
import { getRun } from './api.mjs'
import { html } from './html.mjs'
import { addressOfRun, openId, runs } from './state.mjs'
import { choicesWords, count, plural } from './words.mjs'

const rowOf = (id) => runs.value.find((row) => row.id === id)
/** What a run continues, if it is a fork. */
export const forkOf = (run) => rowOf(run.id)?.fork ?? null

/** The run that the shown fork continues. null: it is no fork, or the other run is gone. */
export const parent = signal(null)

let asked = null
effect(() => {
  const id = openId.value === null ? null : (forkOf({ id: openId.value })?.parent ?? null)
  if (id === asked) return
  asked = id
  parent.value = null
  if (id === null) return
  getRun(id).then(
    (run) => {
      if (id === asked) parent.value = run
    },
    () => {},
  )
})

const shownValue = (value) => (value === null ? 'no limit' : String(value))

/** “learning rate 0.01 instead of 0.001”. More steps are no change while both train. */
function changeWords({ changes }) {
  const told = changes.filter(({ option }) => option !== 'steps' || changes.length === 1)
  return told
    .map(({ label, from, to }) => `${label} ${shownValue(to)} instead of ${shownValue(from)}`)
    .join(', ')
}

/** Of a fork: what it continues, and the losses of both after the same steps. */
export function ForkNote({ run }) {
  const fork = forkOf(run)
  if (fork === null) return null
  const other = parent.value
  const last = run.evaluations.findLast(
    ({ step }) => step > fork.step && other?.evaluations.some((each) => each.step === step),
  )
  const there = last && other.evaluations.find(({ step }) => step === last.step)
  return html`
    <p class="fork-note">
      A fork of <a href=${addressOfRun(fork.parent)}>${other?.text ?? fork.parent}</a> after step ${count(fork.step)}:
      ${' '}<b>${changeWords(fork)}</b>.
      ${last && html` After ${plural(last.step, 'step')}: as if choosing among <b>${choicesWords(last.valLoss)}</b> instead of ${choicesWords(there.valLoss)}.`}
    </p>
  `
}

/** The forks of a run. */
export function Forks({ run }) {
  const forks = runs.value.filter(({ fork }) => fork?.parent === run.id)
  if (forks.length === 0) return null
  const own = rowOf(run.id)?.bestValLoss ?? null
  const isBoth = (row) => own !== null && row.bestValLoss !== null
  return html`
    <section aria-labelledby="forks-title">
      <h2 id="forks-title">Forks</h2>
      <ul>
        ${forks.map(
          (row) => html`
            <li>
              <a href=${addressOfRun(row.id)}>After step ${count(row.fork.step)}: ${changeWords(row.fork)}</a>.
              ${isBoth(row) && ` At best as if choosing among ${choicesWords(row.bestValLoss)}, this run ${choicesWords(own)}.`}
            </li>
          `,
        )}
      </ul>
    </section>
  `
}
