// The runs in the folder, also those that were started on the command line: in a table that is sorted by
// a click on its headers, with what can be done with each, and a choice of runs to compare.

import { signal } from '@preact/signals'
import { canResume, problem, resume, stop } from './actions.mjs'
import { html } from './html.mjs'
import { Sparkline } from './sparkline.mjs'
import { addressOf, addressOfRun, current, isBusy, runs, studio } from './state.mjs'
import { choicesWords, count, stateWords, when } from './words.mjs'

/** The ids of the runs that are chosen, in the order of the choice. */
const chosen = signal([])
const order = signal({ by: 'started', isDescending: true })

/** What the columns are sorted by. A run without a loss comes last. */
const keys = {
  text: (run) => run.text.toLowerCase(),
  loss: (run) => run.bestValLoss,
  started: (run) => run.started,
}

function sorted(all) {
  const { by, isDescending } = order.value
  const key = keys[by]
  return [...all].sort((a, b) => {
    const [x, y] = [key(a), key(b)]
    if (x === null || y === null) return (x === null) - (y === null)
    return (x < y ? -1 : x > y ? 1 : 0) * (isDescending ? -1 : 1)
  })
}

/** The row of the run that this studio trains is older than what the page knows of it. */
const newest = (run) =>
  current.value?.id === run.id ? { ...run, state: current.value.state, step: current.value.step } : run

export function RunsTable() {
  const all = runs.value
  const ids = chosen.value.filter((id) => all.some((run) => run.id === id))
  return html`
    <section aria-labelledby="runs-title">
      <div class="row">
        <h2 id="runs-title">Runs</h2>
        ${all.length > 1 && html`<${CompareButton} ids=${ids} />`}
      </div>
      <div role="alert">${problem.value && html`<p class="problem">${problem.value}</p>`}</div>
      ${
        all.length === 0
          ? html`
              <p class="empty">
                Nothing here yet. Each training is a run, and appears here. Its files are in the folder${' '}
                <code>${studio.value.folder}</code>, where <code>nano-gpt train</code> can add runs too.
              </p>
            `
          : html`
              <div class="scroll" tabindex="0" role="region" aria-label="Table of runs">
                <table class="runs">
                  <thead>
                    <tr>
                      <td></td>
                      <${Heading} by="text">Text<//>
                      <th scope="col">State</th>
                      <th scope="col" class="wide">Progress</th>
                      <th scope="col" class="wide">Learning</th>
                      <${Heading} by="loss" help="Its best guesses are as good as choosing among so many equally likely ones">
                        Choosing among
                      <//>
                      <${Heading} by="started" isWide>Started<//>
                      <td class="wide"></td>
                    </tr>
                  </thead>
                  <tbody>
                    ${sorted(all).map((run) => html`<${Row} key=${run.id} run=${newest(run)} ids=${ids} />`)}
                  </tbody>
                </table>
              </div>
            `
      }
    </section>
  `
}

function CompareButton({ ids }) {
  if (ids.length < 2)
    return html`<p class="muted">${ids.length === 0 ? 'Select two runs or more to compare them.' : 'Select another run to compare.'}</p>`
  return html`
    <div class="row">
      ${ids.length === studio.value.mostCompared && html`<span class="muted">More than ${ids.length} cannot be told apart.</span>`}
      <button class="button small" onClick=${() => {
        chosen.value = []
      }}>Clear</button>
      <a class="button small primary" href=${addressOf('compare', ...ids)}>Compare ${ids.length} runs</a>
    </div>
  `
}

/** The header of a column that sorts by it, or turns the order around. */
function Heading({ by, isWide, help, children }) {
  const { by: sortedBy, isDescending } = order.value
  const isSorted = by === sortedBy
  return html`
    <th
      scope="col"
      class=${isWide ? 'wide' : ''}
      aria-sort=${isSorted ? (isDescending ? 'descending' : 'ascending') : undefined}
    >
      <button
        class="sort"
        title=${help}
        onClick=${() => {
          // The newest first, and otherwise the lowest.
          order.value = { by, isDescending: isSorted ? !isDescending : by === 'started' }
        }}
      >
        ${children}<span aria-hidden="true">${isSorted ? (isDescending ? ' ↓' : ' ↑') : ''}</span>
      </button>
    </th>
  `
}

function Row({ run, ids }) {
  const isChosen = ids.includes(run.id)
  return html`
    <tr>
      <td class="choice">
        <input
          type="checkbox"
          aria-label=${`Select ${run.text}, ${run.id}`}
          checked=${isChosen}
          disabled=${!isChosen && ids.length === studio.value.mostCompared}
          onChange=${() => {
            chosen.value = isChosen ? ids.filter((id) => id !== run.id) : [...ids, run.id]
          }}
        />
      </td>
      <th scope="row">
        <a class="name" href=${addressOfRun(run.id)}>${run.text}</a>
        <span class="muted id wide">${run.id}</span>
        ${run.fork && html`<span class="muted id">forked after step ${count(run.fork.step)}</span>`}
      </th>
      <td>
        <span class="state ${run.state}">${stateWords[run.state]}</span>
        <div class="narrow"><${Action} run=${run} /></div>
      </td>
      <td class="number wide">${count(run.step)} / ${count(run.steps)}</td>
      <td class="wide"><${Sparkline} values=${run.curve} /></td>
      <td class="number">
        ${run.bestValLoss === null ? html`<span class="muted">–</span>` : html`${choicesWords(run.bestValLoss)}<span class="wide"> ${run.unit}s</span>`}
      </td>
      <td class="number wide">${when(run.started)}</td>
      <td class="act wide"><${Action} run=${run} /></td>
    </tr>
  `
}

function Action({ run }) {
  const button = (title, act) =>
    html`<button class="button small" aria-label=${`${title} ${run.text}`} onClick=${act}>${title}</button>`
  if (current.value?.id === run.id && current.value.isOurs) {
    if (run.state === 'running') return button('Pause', stop)
    if (run.state === 'preparing') return button('Stop', stop)
  }
  return canResume(run) && !isBusy.value ? button('Resume', () => resume(run.id)) : null
}
