// What the page knows. All of it comes from the server, so a page that is reloaded shows the same.

import { computed, signal } from '@preact/signals'

/** 'connecting', 'live' or 'lost'. */
export const connection = signal('connecting')
/** The version, the folder of the runs, the fields of the form … null: nothing is known yet. */
export const studio = signal(null)
/** The run that the studio trains, or trained last. */
export const current = signal(null)
/** The table of runs. */
export const runs = signal([])
/** Whether the studio trains a run now. */
export const isBusy = computed(() => ['preparing', 'running', 'stopping'].includes(current.value?.state))
/** A run that is shown, but that this studio does not train. */
export const other = signal(null)

/**
 * What the address shows: #run/<id>/<view> is a view of a run, #<page> another page, and nothing the first
 * one. More parts are the page's own.
 */
export const route = signal(routeOf(location.hash))
/** The id of the run in the address, if it is one. */
export const openId = computed(() => (route.value.page === 'run' ? route.value.parts[0] : null))
addEventListener('hashchange', () => {
  const before = route.value
  route.value = routeOf(location.hash)
  // Another view of the same run.
  if (before.page === route.value.page && before.parts[0] === route.value.parts[0]) return
  chosenStep.value = null
  scrollTo(0, 0)
  // So that the keyboard and a screen reader begin with the new page.
  document.getElementById('main')?.focus({ preventScroll: true })
})

/** The run that is shown. */
export const shown = computed(() => {
  const id = openId.value
  if (id === null) return null
  return [current.value, other.value].find((run) => run?.id === id) ?? null
})

function routeOf(hash) {
  const [page, ...parts] = hash.slice(1).split('/').map(decoded)
  return { page, parts }
}

/** A part of an address that somebody typed wrong is taken as it is. */
function decoded(part) {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** Shows another address without a step in the browser's history, and leaves the focus where it is. */
export function replaceRoute(hash) {
  history.replaceState(null, '', hash)
  route.value = routeOf(hash)
}

/** The step that the page shows. null: always the newest. */
export const chosenStep = signal(null)
/** Where along the run that is shown its model is at hand: the server's answer, with the `id` of the run. */
export const timeline = signal(null)
/** How far the server is in computing a step again. null: it is not. */
export const rebuilding = signal(null)

/** The step of the model that the views show: the one at hand that is nearest to the chosen step. null: the newest. */
export const modelStep = computed(() => {
  const step = chosenStep.value
  if (step === null || timeline.value?.id !== openId.value) return null
  return nearest(timeline.value.steps, step)
})

/** The number of a list that is nearest to another one. */
export const nearest = (all, value) =>
  all.reduce(
    (best, each) => (best !== null && Math.abs(best - value) <= Math.abs(each - value) ? best : each),
    null,
  )

/** What a call about the model of a run names. A view asks again when `modelStep` changes. */
export const modelOf = (run) =>
  modelStep.value === null ? { id: run.id } : { id: run.id, step: modelStep.value }

/** The address of a page: its name, and its parts. */
export const addressOf = (page, ...parts) => `#${[page, ...parts].map(encodeURIComponent).join('/')}`
/** The address of a view of a run. */
export const addressOfRun = (id, view) => addressOf('run', id, ...(view ? [view] : []))

/** The state after an event of the server. */
export function take(type, data) {
  if (type === 'snapshot') {
    const { run, runs: rows, ...about } = data
    studio.value = about
    current.value = run
    runs.value = rows
    // If there is one, its next event says so.
    rebuilding.value = null
  } else if (type === 'run') current.value = data
  else if (type === 'runs') runs.value = data
  else if (type === 'rebuild') rebuilding.value = data
  else if (type === 'update' && current.value?.id === data.id) current.value = updated(current.value, data)
}

function updated(run, { status, points, evaluations, samples, warnings }) {
  // The newest point is replaced until its steps are complete.
  const first = points[0]?.[0] ?? Number.POSITIVE_INFINITY
  let end = run.points.length
  while (end > 0 && run.points[end - 1][0] >= first) end--
  return {
    ...run,
    ...status,
    points: points.length > 0 ? [...run.points.slice(0, end), ...points] : run.points,
    evaluations: [...run.evaluations, ...evaluations],
    samples: [...run.samples, ...samples],
    warnings: [...run.warnings, ...warnings],
  }
}
