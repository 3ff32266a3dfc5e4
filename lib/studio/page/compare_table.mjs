// The table of a comparison: how good the runs became, and the options that differ.

import { signal } from '@preact/signals'
import { html } from './html.mjs'
import { choicesWords, count, duration, plural, roughly, stateWords } from './words.mjs'

/** A, B, C … */
export const letterOf = (i) => String.fromCharCode(65 + i)

const dash = html`<span class="muted">–</span>`

/** The newest evaluation of a run up to a step, or a time. */
const reached = ({ evaluations }, by, limit) => evaluations.findLast((each) => each[by] <= limit) ?? null

/** The rows of options that are shown at first. */
const fewOptions = 10
const showsAll = signal(false)

const wordsOf = (name, value) => (name !== 'seed' && /^\d{4,}$/.test(value) ? count(Number(value)) : value)

export function CompareTable({ compared: { runs, options } }) {
  const least = (by) => Math.min(...runs.map((run) => run.evaluations.at(-1)?.[by] ?? 0))
  const [step, seconds] = [least('step'), least('seconds')]
  const listed = showsAll.value ? options : options.slice(0, fewOptions)
  const differ = (by) => new Set(runs.map((run) => run.evaluations.at(-1)?.[by])).size > 1
  return html`
    <section aria-labelledby="differ-title">
      <h2 id="differ-title">What differs</h2>
      <div class="scroll" tabindex="0" role="region" aria-label="Table of results and options">
        <table class="compared">
          <thead>
            <tr>
              <td></td>
              ${runs.map((_, i) => html`<th scope="col"><span class=${`line run-${i + 1}`}></span>${letterOf(i)}</th>`)}
            </tr>
          </thead>
          <tbody>
            <tr><th scope="row">Text</th>${runs.map(({ text }) => html`<td>${text}</td>`)}</tr>
            <${Losses} title="Best" help="as if choosing among so many" losses=${runs.map(({ best }) => best)} isAt />
            <${Losses} title="At the end" losses=${runs.map((run) => run.evaluations.at(-1) ?? null)} isAt />
            ${step > 0 && differ('step') && html`<${Losses} title=${`After ${plural(step, 'step')}`} help="the same for all" losses=${runs.map((run) => reached(run, 'step', step))} />`}
            ${seconds > 0 && differ('step') && html`<${Losses} title=${`After ${duration(seconds)}`} help="of training" losses=${runs.map((run) => reached(run, 'seconds', seconds))} />`}
            <tr><th scope="row">Steps</th>${runs.map((run) => html`<td>${run.step === run.steps ? count(run.step) : `${count(run.step)} of ${count(run.steps)}`}<span class="help">${stateWords[run.state]}</span></td>`)}</tr>
            <tr><th scope="row">Training time</th>${runs.map((run) => html`<td>${run.seconds > 0 ? duration(run.seconds) : dash}</td>`)}</tr>
            <tr><th scope="row">Tokens per second</th>${runs.map((run) => html`<td>${run.tokensPerSecond === null ? dash : count(run.tokensPerSecond)}</td>`)}</tr>
            <tr><th scope="row">Weights</th>${runs.map((run) => html`<td>${roughly(run.parameters)}</td>`)}</tr>
          </tbody>
          <tbody class="options-that-differ">
            <tr><th scope="rowgroup" colspan=${runs.length + 1}>${options.length > 0 ? 'Options that differ' : 'All options are the same'}</th></tr>
            ${listed.map(
              ({ name, label, help, values }) => html`
                <tr>
                  <th scope="row"><span class="label">${label}</span><span class="help">${help}</span></th>
                  ${values.map((value) => html`<td>${value === null ? dash : wordsOf(name, value)}</td>`)}
                </tr>
              `,
            )}
          </tbody>
        </table>
      </div>
      ${
        options.length > listed.length &&
        html`
          <button
            class="button small more"
            onClick=${() => {
              showsAll.value = true
            }}
          >
            Show all ${options.length} options that differ
          </button>
        `
      }
    </section>
  `
}

/** A row of losses, with the lowest in bold. */
function Losses({ title, help, losses, isAt }) {
  const lowest = Math.min(...losses.map((each) => each?.loss ?? Number.POSITIVE_INFINITY))
  return html`
    <tr>
      <th scope="row">${title}${help && html`<span class="help">${help}</span>`}</th>
      ${losses.map((each) =>
        each === null
          ? html`<td>${dash}</td>`
          : html`
              <td>
                ${each.loss === lowest ? html`<strong>${choicesWords(each.loss)}</strong>` : choicesWords(each.loss)}
                <span class="help">${each.loss.toFixed(2)} nats${isAt ? ` after ${plural(each.step, 'step')}` : ''}</span>
              </td>
            `,
      )}
    </tr>
  `
}
