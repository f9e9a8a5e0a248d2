// A long list: only the rows that can be seen are drawn, and more are asked for when its end comes near.
import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from "@tanstack/virtual-core";
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useReducer, useRef, useState } from "preact/hooks";

interface ListProps<T> {
  rows: readonly T[];
  nameOf: (row: T) => string;
  children: (row: T) => ComponentChildren;
  label: string;
  /** Height of a row before it is measured, px. */
  rowHeight?: number;
  /** Called when the end comes near; undefined where there is no more. */
  onEnd?: (() => void) | undefined;
}

/** Rows beyond the visible ones that are drawn, so that the keyboard finds the next one. */
const OVERSCAN_ROWS = 8;

export function List<T>({ rows, nameOf, children, label, rowHeight = 58, onEnd }: ListProps<T>) {
  const box = useRef<HTMLOListElement>(null);
  const [, redraw] = useReducer((times: number) => times + 1, 0);
  const options = {
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => rowHeight,
    getItemKey: (index: number) => nameOf(rows[index] as T),
    overscan: OVERSCAN_ROWS,
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    onChange: () => redraw(undefined),
  };
  const [virtualizer] = useState(() => new Virtualizer<HTMLOListElement, HTMLLIElement>(options));
  virtualizer.setOptions(options);
  useLayoutEffect(() => virtualizer._didMount(), [virtualizer]);
  useLayoutEffect(() => virtualizer._willUpdate());
  const shown = virtualizer.getVirtualItems();
  const last = shown.at(-1)?.index ?? -1;
  useLayoutEffect(() => {
    if (last >= rows.length - 1 && rows.length > 0) onEnd?.();
  }, [last, rows.length, onEnd]);
  return (
    <ol class="list" ref={box} aria-label={label} tabIndex={-1}>
      <li class="room" aria-hidden="true" style={{ height: `${virtualizer.getTotalSize()}px` }} />
      {shown.map(({ index, key, start }) => (
        <li
          key={key}
          ref={(element) => virtualizer.measureElement(element)}
          data-index={index}
          aria-setsize={onEnd ? -1 : rows.length}
          aria-posinset={index + 1}
          style={{ transform: `translateY(${start}px)` }}
        >
          {children(rows[index] as T)}
        </li>
      ))}
    </ol>
  );
}
