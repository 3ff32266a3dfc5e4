// What can be done with a run: it is paused, stopped or resumed.

import { signal } from '@preact/signals'
import { post } from './api.mjs'

/** Why the last action failed. */
export const problem = signal(null)

/** Whether a run can go on where it stopped. */
export const canResume = ({ state, step, steps }) =>
  ['stopped', 'interrupted', 'failed'].includes(state) && step > 0 && step < steps

/** Whether it succeeded. */
async function act(path, body) {
  problem.value = null
  try {
    await post(path, body)
    return true
  } catch (error) {
    problem.value = error.message
    return false
  }
}

export const stop = () => act('/api/stop', {})
export const resume = (id) => act('/api/resume', { id })
