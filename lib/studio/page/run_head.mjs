// The title of a run, its progress, and what can be done with it.

import { canResume, problem, resume, stop } from './actions.mjs'
import { html } from './html.mjs'
import { addressOfRun, isBusy } from './state.mjs'
import { count, duration, plural, roughly, stateWords } from './words.mjs'

export function RunHead({ run }) {
  return html`
    <section class="head">
      <div class="row">
        <div>
          <p class="crumb"><a href="#">All runs</a></p>
          <h1>${run.text}</h1>
          <p class="model muted">${modelFacts(run).join(' · ')}</p>
        </div>
        <${Buttons} run=${run} />
      </div>
      <${Progress} run=${run} />
      <div role="alert">${problem.value && html`<p class="problem">${problem.value}</p>`}</div>
    </section>
  `
}

/** How far a run is, and what there is to know about it. */
export function Progress({ run }) {
  const { state, step, steps } = run
  const part = steps > 0 ? step / steps : 0
  return html`
    <div
        class="progress ${state}"
        role="progressbar"
        aria-label="Training"
        aria-valuemin="0"
        aria-valuemax="100"
        aria-valuenow=${Math.floor(100 * part)}
      >
        <div style=${{ width: `${100 * part}%` }}></div>
      </div>
      <p class="status"><span class="state ${state}" role="status">${stateWords[state]}</span> ${factsOf(run).join(' · ')}</p>
    ${run.note && !isPassing(run) && (state === 'failed' ? html`<${Failure} reason=${run.note} />` : html`<p class="note">${run.note}</p>`)}
  `
}

/** Characters of a reason that is shown at once. */
const short = 160

/** Of a long reason, the first clause. The rest, for experts, is folded. */
function Failure({ reason }) {
  const end = reason.length > short ? reason.search(/[;.] /) : -1
  if (end < 0) return html`<p class="problem note">${reason}</p>`
  return html`
    <details class="note">
      <summary class="problem">${reason.slice(0, end)}</summary>
      <p>${reason.slice(end + 2)}</p>
    </details>
  `
}

/** A note that comes and goes is told in the row of the state, so that nothing below moves. */
const isPassing = ({ state, note }) =>
  state === 'preparing' || (state === 'running' && /^Testing /.test(note))

/** What changes while it trains. */
function factsOf(run) {
  const { step, steps, secondsLeft, tokensPerSecond, unit, state, note } = run
  const isMeasured = state === 'running' && !isPassing(run)
  return [
    steps > 0 && `step ${count(step)} of ${count(steps)}`,
    isPassing(run) && note?.replace(/\.$/, ''),
    isMeasured && secondsLeft !== null && `about ${duration(secondsLeft)} left`,
    isMeasured && tokensPerSecond !== null && `${roughly(tokensPerSecond)} ${unit}s per second`,
  ].filter(Boolean)
}

function modelFacts({ parameters, device }) {
  return [
    parameters !== null && `${roughly(parameters)} weights`,
    device !== null && `on ${device === 'cpu' ? 'the processor' : device}`,
  ].filter(Boolean)
}

function Buttons({ run }) {
  const { id, state, isOurs, step } = run
  if (isOurs && (state === 'running' || state === 'preparing'))
    return html`
      <div class="buttons">
        ${state === 'running' && html`<button class="button primary" onClick=${stop}>Pause</button>`}
        <button
          class="button"
          onClick=${async () => {
            await stop()
            location.hash = ''
          }}
        >
          Stop
        </button>
      </div>
    `
  if (canResume(run) && !isBusy.value)
    return html`
      <div class="buttons">
        <button
          class="button primary"
          title="Continues after ${plural(step, 'step')}, exactly as if it had never stopped"
          onClick=${async () => {
            location.hash = addressOfRun(id)
            await resume(id)
          }}
        >
          Resume
        </button>
        <a class="button" href="#">New run</a>
      </div>
    `
  return html`<div class="buttons"><a class="button" href="#">${isBusy.value ? 'All runs' : 'New run'}</a></div>`
}
