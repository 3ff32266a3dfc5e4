// Calls of the server.

/** An error that the server explains. `option` is the name of the field that is wrong, if it is one. */
export class CallError extends Error {
  constructor({ message, option }) {
    super(message)
    this.option = option
  }
}

async function call(path, init) {
  let response
  try {
    response = await fetch(path, init)
  } catch {
    throw new CallError({ message: 'The studio does not answer. Is it still running in the terminal?' })
  }
  const body = await response.json().catch(() => ({}))
  if (!response.ok) throw new CallError(body.error ?? { message: `The studio answers ${response.status}.` })
  return body
}

export const post = (path, body, signal) =>
  call(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
    signal,
  })

export const getRun = (id) => call(`/api/run?id=${encodeURIComponent(id)}`)
