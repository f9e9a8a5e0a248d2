// What views ask: each question is answered once for all who ask it, kept while it is shown, and put again when the live
// stream says that something of its topics has changed (live.ts).
import {
  keepPreviousData,
  QueryClient,
  type UseQueryResult,
  useInfiniteQuery,
  useQuery,
} from "@tanstack/preact-query";
import type { WeirClient } from "../../src/client/client.ts";
import { api, statusOf } from "./client.ts";
import type { Subject } from "./live.ts";

/** Answers that are kept of questions that no view asks any more, ms. */
const KEPT_MS = 5 * 60_000;

export const questions = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: Number.POSITIVE_INFINITY,
      gcTime: KEPT_MS,
      refetchOnWindowFocus: false,
      // Only silence is worth another try: a refusal is an answer.
      retry: (count, error) => statusOf(error) === 0 && count < 1,
      retryDelay: 300,
    },
  },
});

type Ask<T> = (client: WeirClient, signal: AbortSignal) => Promise<T>;

/** Options of a question: what makes it stale, and whether it is put at all. */
export interface Asking {
  topics: readonly Subject[];
  /** Default: true. */
  enabled?: boolean;
  /** Shows the answer to the question before while this one is on its way. */
  keep?: boolean;
}

/** Puts a question, and again when one of its topics changes. `name` tells it from all others. */
export function useAnswer<T>(name: readonly unknown[], ask: Ask<T>, options: Asking): UseQueryResult<T> {
  const { topics, enabled = true, keep = false } = options;
  return useQuery<T>({
    queryKey: name,
    queryFn: ({ signal }) => ask(api(), signal),
    meta: { topics },
    enabled,
    ...(keep ? { placeholderData: keepPreviousData } : {}),
  });
}

/** One page of a list. */
export interface Page<T> {
  data: T[];
  next?: string | undefined;
}

/** Asks for a list page by page, as far as it is scrolled. */
export function useList<T>(
  name: readonly unknown[],
  ask: (client: WeirClient, cursor: string | undefined, signal: AbortSignal) => Promise<Page<T>>,
  { topics, enabled = true }: Asking,
) {
  const list = useInfiniteQuery({
    queryKey: name,
    queryFn: ({ pageParam, signal }) => ask(api(), pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page: Page<T>) => page.next,
    meta: { topics },
    enabled,
  });
  const rows = list.data?.pages.flatMap((page) => page.data) ?? [];
  return { ...list, rows };
}

/** Puts every shown question of these topics again; all of them without topics. */
export function refresh(topics?: readonly Subject[]): void {
  void questions.invalidateQueries({
    predicate: ({ meta }) => {
      const own = (meta?.topics ?? []) as readonly Subject[];
      return topics === undefined || own.some((topic) => topics.includes(topic));
    },
  });
}
