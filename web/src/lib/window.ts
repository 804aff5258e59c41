/** Rows of a long list that are worth drawing: those in view and a few beyond. */
export function visibleWindow(
  count: number,
  rowHeight: number,
  scrollTop: number,
  viewHeight: number,
  overscan = 6,
): { from: number; to: number } {
  if (count <= 0 || rowHeight <= 0) return { from: 0, to: 0 };
  const first = Math.floor(Math.max(0, scrollTop) / rowHeight);
  const from = Math.min(Math.max(0, first - overscan), Math.max(0, count - 1));
  const to = Math.min(count, first + Math.ceil(viewHeight / rowHeight) + overscan);
  return { from, to: Math.max(from, to) };
}
