// What the page knows. All of it comes from the server, so a page that is reloaded shows the same.

import { computed, signal } from '@preact/signals'

/** 'connecting', 'live' or 'lost'. */
export const connection = signal('connecting')
/** The folder of the runs, and the fields of the form. null: nothing is known yet. */
export const studio = signal(null)
/** The run that the studio trains, or trained last. */
export const current = signal(null)
/** The table of runs. */
export const runs = signal([])
/** A run that is shown, but that this studio does not train. */
export const other = signal(null)

/** The id of the run in the address: #run/<id>. */
export const openId = signal(idIn(location.hash))
addEventListener('hashchange', () => {
  openId.value = idIn(location.hash)
  scrollTo(0, 0)
  // So that the keyboard and a screen reader begin with the new view.
  document.getElementById('main')?.focus({ preventScroll: true })
})

/** The run that is shown. */
export const shown = computed(() => {
  const id = openId.value
  if (id === null) return null
  return [current.value, other.value].find((run) => run?.id === id) ?? null
})

function idIn(hash) {
  return hash.startsWith('#run/') ? decodeURIComponent(hash.slice('#run/'.length)) : null
}

export const addressOf = (id) => `#run/${encodeURIComponent(id)}`

/** The state after an event of the server. */
export function take(type, data) {
  if (type === 'snapshot') {
    studio.value = { version: data.version, folder: data.folder, fields: data.fields }
    current.value = data.run
    runs.value = data.runs
  } else if (type === 'run') current.value = data
  else if (type === 'runs') runs.value = data
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
