// Starts a run: a text, how long to train, and options for those who want them.

import { signal } from '@preact/signals'
import { post } from './api.mjs'
import { html } from './html.mjs'
import { Minutes } from './minutes.mjs'
import { OptionsForm } from './options_form.mjs'
import { addressOfRun, current, isBusy } from './state.mjs'
import { TextPicker } from './text_picker.mjs'

/** The texts of the fields, by name. */
export const given = signal({})
/** What is wrong: `option` is the name of a field, if it is one. */
const problem = signal(null)
const isStarting = signal(false)

/** Starts a run, and shows it at once. An error before its first step leads back. */
export async function startRun(text) {
  if (isStarting.value) return
  isStarting.value = true
  problem.value = null
  const before = current.value?.id
  const unfollow = current.subscribe((run) => {
    if (run && run.id !== before) location.hash = addressOfRun(run.id)
  })
  try {
    await post('/api/start', { text, options: given.value })
  } catch (error) {
    location.hash = ''
    // Stopping it is no problem.
    if (current.value?.state !== 'stopped') problem.value = error
  } finally {
    unfollow()
    isStarting.value = false
  }
}

export function NewRun() {
  const wrong = problem.value
  if (isBusy.value)
    return html`
      <p class="card row">
        <span><b>${current.value.text}</b> is training. You can start another text when it is finished or paused.</span>
        <a class="button primary" href=${addressOfRun(current.value.id)}>Watch it</a>
      </p>
    `
  return html`
    <div class="card">
      <${TextPicker} onText=${startRun} onProblem=${(message) => {
        problem.value = { message }
      }} />
      <div role="alert">
        ${wrong && html`<p class="problem">${wrong.option ? `${wrong.message}. It is among the options below.` : wrong.message}</p>`}
      </div>
      <${Minutes} given=${given} />
      <${OptionsForm} given=${given} wrong=${wrong?.option ? wrong : null} />
    </div>
  `
}
