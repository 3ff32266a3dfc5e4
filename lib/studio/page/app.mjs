// The frame of the page: its header, and one of its pages.

import { Compare } from './compare.mjs'
import { Connection } from './connection.mjs'
import { Home } from './home.mjs'
import { html } from './html.mjs'
import { RunPage } from './run_page.mjs'
import { StagesPage } from './stages.mjs'
import { route, shown, studio } from './state.mjs'

/** The pages, by the first part of the address. */
const pages = { '': Home, run: RunPage, compare: Compare, stages: StagesPage }

export function App() {
  const { page, parts } = route.value
  const Page = pages[page] ?? Home
  document.title = `${shown.value?.text ? `${shown.value.text} – ` : ''}nano-gpt studio`
  return html`
    <a class="skip" href="#main" onClick=${toMain}>Skip to the content</a>
    <header class="top">
      <a class="brand" href="#"><img src="/icon.svg" alt="" width="24" height="24" /> <span>nano-gpt studio</span></a>
      <nav class="pages" aria-label="Pages">
        <a href="#" aria-current=${page === '' ? 'page' : undefined}>Runs</a>
        <a href="#stages" aria-current=${page === 'stages' ? 'page' : undefined}>The ten stages</a>
      </nav>
      <${Connection} />
    </header>
    <main id="main" tabindex="-1">
      ${studio.value === null ? html`<p class="muted">Connecting…</p>` : html`<${Page} key=${keyOf(page, parts)} />`}
    </main>
    <footer class="bottom muted">
      Everything happens on this computer. ${studio.value && html`nano-gpt ${studio.value.version}`}
    </footer>
  `
}

/** A page is made again for another run, or others. */
function keyOf(page, parts) {
  if (page === 'run') return `run ${parts[0]}`
  return page === 'compare' ? parts.join() : page
}

/** The address names the run, so it must not change. */
function toMain(event) {
  event.preventDefault()
  document.getElementById('main').focus()
}
