// The picture of a diagram: where its boxes and lines are, and the same as sentences. The page only draws
// it.

import type { Diagram, Group, Part } from '../stages/diagram'

interface Box {
  readonly x: number
  readonly y: number
  readonly w: number
  readonly h: number
}

/** Lengths are in units of the picture, which has a fixed width. */
export interface Picture {
  readonly width: number
  readonly height: number
  /** The boxes around groups. */
  readonly frames: readonly (Box & { readonly title: string; readonly isNew: boolean })[]
  readonly parts: readonly (Box &
    Pick<Part, 'kind' | 'isNew'> & { readonly title: string; readonly note: string })[]
  /** Lines, as paths of SVG. */
  readonly flows: readonly { readonly path: string; readonly isNew: boolean }[]
  /** The shapes of what flows, beside the lines. */
  readonly shapes: readonly { readonly x: number; readonly y: number; readonly text: string }[]
  /** A sentence for each part. */
  readonly sentences: readonly string[]
}

const width = 344
/** The left and right edges of the boxes of parts, and of those of groups, by how deep they are. */
const edges = [16, 312] as const
const frameEdges = [
  [4, 340],
  [10, 319],
] as const
/** Where lines lead around rows. */
const lane = 330
/** Between rows, and between the boxes of a row. */
const [gap, space] = [27, 8]
/** Inside a frame: above its first row, and below its last one. */
const [heading, padding] = [24, 9]
/** The height of a box with one line, and with two. */
const [low, high] = [26, 42]
const corner = 8

export function pictureOf(diagram: Diagram): Picture {
  const { parts } = diagram
  const { boxes, frames, height } = laidOut(diagram)
  const last = boxes[boxes.length - 1]
  const bottom = last.y + last.h
  return {
    width,
    height,
    frames,
    parts: parts.map((part, i) => ({
      ...boxes[i],
      kind: part.kind,
      isNew: part.isNew,
      title: part.label,
      note: noteOf(part, boxes[i].w),
    })),
    flows: [
      ...parts.flatMap(({ reads, isNew }, i) =>
        reads.map((from) => {
          const isNext = parts[i].row === parts[from].row + 1
          return { path: isNext ? straight(boxes[from], boxes[i]) : around(boxes[from], boxes[i]), isNew }
        }),
      ),
      { path: `M${middle(last)} ${bottom}V${bottom + gap}`, isNew: false },
    ],
    shapes: parts.map(({ shape }, i) => ({
      x: middle(boxes[i]) + 7,
      y: boxes[i].y + boxes[i].h + 19,
      text: shape.join(' × '),
    })),
    sentences: parts.map((part) => sentenceOf(part, diagram)),
  }
}

const middle = ({ x, w }: Box) => x + w / 2

/** The second line of a box. */
function noteOf({ parameters, detail }: Part, w: number): string {
  if (parameters === 0) return detail
  const isNarrow = w < 100 && parameters >= 100_000
  return parameters.toLocaleString('en') + (isNarrow ? '' : ' weights')
}

/** Each row of parts has the whole width, and the frames are around their rows. */
function laidOut({ parts, groups }: Diagram) {
  const boxes: Box[] = []
  const frames: (Box & { title: string; isNew: boolean; h: number })[] = []
  /** The groups that the row is in, with the indices of their frames. */
  let open: { readonly group: number; readonly frame: number }[] = []
  let y = 1
  const close = (depth: number) => {
    for (const { frame } of open.slice(depth).reverse()) {
      y += padding
      frames[frame].h = y - frames[frame].y
    }
    open = open.slice(0, depth)
  }
  const rows = 1 + Math.max(...parts.map(({ row }) => row))
  for (let row = 0; row < rows; row++) {
    const columns = parts.flatMap((part, i) => (part.row === row ? [i] : []))
    const path = pathTo(groups, parts[columns[0]].group)
    const shared = open.findIndex(({ group }, depth) => group !== path[depth])
    close(shared < 0 ? open.length : shared)
    if (row > 0) y += gap
    for (const group of path.slice(open.length)) {
      const [from, to] = frameEdges[open.length]
      const { isNew } = groups[group]
      const frame = frames.push({ x: from, y, w: to - from, h: 0, title: titleOf(groups[group]), isNew }) - 1
      open.push({ group, frame })
      y += heading
    }
    const [left, right] = edges
    const w = (right - left + space) / columns.length - space
    const h = columns.some((i) => noteOf(parts[i], w) !== '') ? high : low
    for (const [column, i] of columns.entries()) boxes[i] = { x: left + column * (w + space), y, w, h }
    y += h
  }
  close(0)
  // Below the last row, there is what its result means.
  return { boxes, frames, height: y + gap + low }
}

/** A group and those around it, the outermost first. */
const pathTo = (groups: readonly Group[], at: number): number[] =>
  at < 0 ? [] : [...pathTo(groups, groups[at].group), at]

const titleOf = ({ label, times }: Group) => (times > 1 ? `${label} × ${times}` : label)

const straight = (from: Box, to: Box) => `M${middle(from.w < to.w ? from : to)} ${from.y + from.h}V${to.y}`

/** Around the rows between. */
function around(from: Box, to: Box): string {
  const y = to.y + to.h / 2
  const turn = (across: number, down: number) => `q${across} 0 ${across} ${down}`
  return (
    `M${middle(from)} ${from.y + from.h}v6H${lane - corner}${turn(corner, corner)}` +
    `V${y - corner}q0 ${corner} ${-corner} ${corner}H${to.x + to.w}`
  )
}

function sentenceOf(
  { label, detail, shape, parameters, reads, group, isNew }: Part,
  { parts, groups }: Diagram,
) {
  const nameOf = (name: string) => (name === '+' ? 'the sum' : name)
  const of = reads.length > 0 ? ` of ${reads.map((at) => nameOf(parts[at].label)).join(' and ')}` : ''
  const inside = pathTo(groups, group).map((at) => titleOf(groups[at]))
  return [
    nameOf(label) + of,
    detail,
    inside.length > 0 && `in ${inside.join(', ')}`,
    shape.join(' × '),
    parameters > 0 && `${parameters.toLocaleString('en')} weights`,
    isNew && 'new',
  ]
    .filter(Boolean)
    .join(', ')
}
