// The runs in the folder, also those that were started on the command line.

import { html } from './html.mjs'
import { Sparkline } from './sparkline.mjs'
import { addressOfRun, runs, studio } from './state.mjs'
import { choicesWords, count, stateWords, when } from './words.mjs'

export function RunsTable() {
  const all = runs.value
  return html`
    <section>
      <h2>Runs</h2>
      ${
        all.length === 0
          ? html`
              <p class="empty">
                Nothing here yet. Models that you train appear here, and in the folder${' '}
                <code>${studio.value.folder}</code>. Those that you start with <code>nano-gpt train</code> appear too.
              </p>
            `
          : html`
              <div class="scroll" tabindex="0" role="region" aria-label="Table of runs">
                <table>
                  <thead>
                    <tr>
                      <th scope="col">Text</th>
                      <th scope="col">State</th>
                      <th scope="col" class="wide">Progress</th>
                      <th scope="col" class="wide">Learning</th>
                      <th scope="col">
                        <abbr title="Its best guesses are as good as choosing among so many equally likely ones">Choosing among</abbr>
                      </th>
                      <th scope="col" class="wide">Started</th>
                    </tr>
                  </thead>
                  <tbody>
                    ${all.map((run) => html`<${Row} key=${run.id} run=${run} />`)}
                  </tbody>
                </table>
              </div>
            `
      }
    </section>
  `
}

function Row({ run }) {
  return html`
    <tr>
      <th scope="row">
        <a href=${addressOfRun(run.id)}>${run.text}</a>
        <span class="muted id wide">${run.id}</span>
      </th>
      <td><span class="state ${run.state}">${stateWords[run.state]}</span></td>
      <td class="number wide">${count(run.step)} / ${count(run.steps)}</td>
      <td class="wide"><${Sparkline} values=${run.curve} /></td>
      <td class="number">
        ${run.bestValLoss === null ? html`<span class="muted">–</span>` : `${choicesWords(run.bestValLoss)} ${run.unit}s`}
      </td>
      <td class="number wide">${when(run.started)}</td>
    </tr>
  `
}
