// The connection to the server. It is made again whenever it is lost, and goes on after the last event.

import { effect } from '@preact/signals'
import { getRun } from './api.mjs'
import { connection, current, openId, other, runs, take } from './state.mjs'

const types = ['snapshot', 'run', 'update', 'runs', 'rebuild']
/** A browser allows six connections per site, so a page that nobody sees gives its own back. */
const millisecondsHidden = 30_000
const millisecondsToRetry = 1500

let source = null
let last = ''
let hiding

export function connect() {
  open()
  document.addEventListener('visibilitychange', () => {
    clearTimeout(hiding)
    if (document.hidden) hiding = setTimeout(close, millisecondsHidden)
    else if (source === null) open()
  })
  followOther()
}

function open() {
  close()
  source = new EventSource(`/api/events${last && `?after=${last}`}`)
  source.onopen = () => {
    connection.value = 'live'
  }
  source.onerror = () => {
    connection.value = 'lost'
    // The browser reconnects automatically, except after an error response.
    if (source?.readyState === EventSource.CLOSED) setTimeout(open, millisecondsToRetry)
  }
  for (const type of types) {
    source.addEventListener(type, (event) => {
      last = event.lastEventId
      take(type, JSON.parse(event.data))
    })
  }
}

function close() {
  source?.close()
  source = null
}

/** Reads a run of another process, again whenever its row in the table changes. */
function followOther() {
  let newest = ''
  effect(() => {
    const id = openId.value
    const row = runs.value.find((each) => each.id === id)
    if (id === null || current.value?.id === id) return
    const version = JSON.stringify([id, row])
    if (version === newest) return
    newest = version
    getRun(id).then(
      (run) => {
        other.value = run
      },
      (error) => {
        other.value = { id, missing: error.message }
      },
    )
  })
}
