// A curve with a straight line and a point on it. The lines are drawn in a square that is stretched; the
// point and the labels are not.

import { html } from './html.mjs'

/** Free space above and below the curve, relative to its height. */
const margin = 0.12

/**
 * @param points [x, y] each
 * @param line a function y(x), drawn beside the curve
 * @param point [x, y]
 * @param words of the axes: the name of the horizontal one and the formats of numbers: { name, x, y }
 */
export function Plot({ points, line, point, words, label }) {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)]
  const [left, right] = [Math.min(...xs), Math.max(...xs)]
  const height = Math.max(...ys) - Math.min(...ys) || 1
  const [low, high] = [Math.min(...ys) - margin * height, Math.max(...ys) + margin * height]
  const x = (value) => (100 * (value - left)) / (right - left)
  const y = (value) => (100 * (high - value)) / (high - low)
  const path = (some) => some.map(([a, b]) => `${x(a).toFixed(3)},${y(b).toFixed(3)}`).join(' ')
  return html`
    <figure class="plot" role="img" aria-label=${label}>
      <div class="area">
        <svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">
          ${line && html`<polyline class="tangent" points=${path([left, right].map((each) => [each, line(each)]))} />`}
          <polyline class="function" points=${path(points)} />
        </svg>
        <span class="point" style=${{ left: `${x(point[0])}%`, top: `${y(point[1])}%` }}></span>
      </div>
      <div class="ends vertical" aria-hidden="true"><span>${words.y(high)}</span><span>loss</span><span>${words.y(low)}</span></div>
      <div class="ends" aria-hidden="true"><span>${words.x(left)}</span><span>${words.name}</span><span>${words.x(right)}</span></div>
    </figure>
  `
}
