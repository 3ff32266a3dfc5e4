// The trend of a noisy series.

/** The middle of a list of numbers. */
function median(values) {
  const sorted = Float64Array.from(values).sort()
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/**
 * The Theil–Sen estimator: the median of the slopes between all pairs of points. Up to 29% of the points
 * may be anywhere, such as memory just before the allocator returns it to the system.
 *
 * @param points pairs [x, y] with ascending x, at least two
 */
function slopeOf(points) {
  const slopes = points.flatMap(([x, y], i) =>
    points.slice(i + 1).map(([otherX, otherY]) => (otherY - y) / (otherX - x)),
  )
  return median(slopes)
}

module.exports = { median, slopeOf }
