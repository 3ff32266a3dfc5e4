// Serves a model over HTTP. The text is sent as it is generated.
//
//   node server.mjs runs/own-text
//   curl -N "http://localhost:8000/?prompt=Dear%20&maxTokens=200&temperature=0.8"
//
// PORT is the port. Requests are answered at the same time. A client that leaves ends its text.

import { once } from 'node:events'
import { createServer } from 'node:http'
import { load, NanoGptError } from 'nano-gpt'

const [path] = process.argv.slice(2)
if (path === undefined) {
  console.error('usage: node server.mjs <model>')
  process.exit(2)
}
const model = await load(path)

/** The options in a query such as `?prompt=Dear&maxTokens=200`. The library checks them. */
function optionsOf(/** @type {URLSearchParams} */ query) {
  const { prompt, ...rest } = Object.fromEntries(query)
  return { prompt, ...Object.fromEntries(Object.entries(rest).map(([name, text]) => [name, Number(text)])) }
}

const server = createServer(async (request, response) => {
  const left = new AbortController()
  response.on('close', () => left.abort())
  try {
    const { searchParams } = new URL(request.url ?? '/', 'http://localhost')
    for await (const piece of model.stream({ ...optionsOf(searchParams), signal: left.signal })) {
      // The status is sent with the first piece, so that a wrong option gets another one.
      if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' })
      // A slow client slows its text down, so that nothing accumulates.
      if (!response.write(piece)) await once(response, 'drain', { signal: left.signal })
    }
    response.end()
  } catch (error) {
    if (left.signal.aborted) return console.log('a client has left, and its text has ended')
    if (response.headersSent) return response.destroy()
    // Errors of the library name the option and what to do, such as an unknown character of a prompt.
    response.writeHead(error instanceof NanoGptError ? 400 : 500)
    response.end(`${error instanceof Error ? error.message : error}\n`)
  }
})

server.listen(Number(process.env.PORT ?? 8000), 'localhost', () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  console.log(`http://localhost:${port}`)
})

// Ctrl-C ends the texts in progress and frees the model.
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    server.close()
    server.closeAllConnections()
    await model.dispose()
  })
}
