// Running a pipeline by hand: on an object or on a payload, waiting for what it returns or not.
import { useState } from "preact/hooks";
import type { Invocation, PipelineInFull, WeirClient } from "../../src/client/client.ts";
import { answerOf } from "../data/client.ts";
import { tableIn } from "../data/json-text.ts";
import { useAnswer } from "../data/queries.ts";
import { linkTo } from "../data/route.ts";
import { FailureView, Json, Status } from "../parts/basics.tsx";
import { Form, textIn } from "../parts/form.tsx";
import { Opener } from "../parts/gated.tsx";

type InvokeBody = Parameters<WeirClient["invokePipeline"]>[1];

/** Longest list of numbers that is shown as it is. */
const MAX_NUMBERS = 8;

export const Invoke = ({ pipeline }: { pipeline: PipelineInFull }) => (
  <Opener label="Invoke" title={`Invoke ${pipeline.alias}`} scope="invoke">
    {(close) => <InvokeForm pipeline={pipeline} onClose={close} />}
  </Opener>
);

function InvokeForm({ pipeline, onClose }: { pipeline: PipelineInFull; onClose: () => void }) {
  const [answer, setAnswer] = useState<Invocation>();
  const [of, setOf] = useState("object");
  const { alias, config } = pipeline;
  const connections = useAnswer(["connections"], (api, signal) => api.listConnections({ signal }), {
    topics: [],
  });
  const source = connections.data?.data.find(({ id }) => id === config.source.connection_id);
  const buckets = source?.buckets ?? [];
  return (
    <>
      <Form
        submit="Invoke"
        isReady={of !== "object" || buckets.length > 0}
        onClose={onClose}
        onInput={(values) => setOf(String(values.get("of")))}
        run={(api, values) => {
          const isAsync = values.get("wait") === null;
          return api
            .invokePipeline(alias, bodyIn(values), { async: isAsync ? "true" : "false" })
            .catch(failedRun);
        }}
        onDone={setAnswer}
      >
        <fieldset>
          <legend>On</legend>
          <label>
            <input type="radio" name="of" value="object" defaultChecked /> an object of the bucket
          </label>
          <label>
            <input type="radio" name="of" value="payload" /> a payload
          </label>
        </fieldset>
        {of === "object" ? (
          <div class="fields">
            <label>
              Bucket
              <select name="bucket">
                {buckets.map((name) => (
                  <option key={name} value={name}>
                    {name}
                  </option>
                ))}
              </select>
            </label>
            <label>
              Key
              <input name="key" required autocomplete="off" />
            </label>
          </div>
        ) : (
          <label>
            Payload, JSON
            <textarea name="payload" class="code" rows={5} required spellcheck={false} defaultValue="{}" />
          </label>
        )}
        <label>
          <span>
            <input type="checkbox" name="wait" defaultChecked /> Wait for what it returns
          </span>
        </label>
      </Form>
      {answer && <Outcome answer={answer} />}
    </>
  );
}

/** @throws InputFault for a payload that is no JSON */
function bodyIn(values: FormData): InvokeBody {
  if (values.get("of") === "payload")
    return { payload: tableIn(String(values.get("payload") ?? ""), "The payload") };
  return { bucket: textIn(values, "bucket") ?? "", key: textIn(values, "key") ?? "" };
}

/** A run that failed is an answer of its own beside its status. @throws whatever else the call was refused for */
function failedRun(error: unknown): Invocation {
  const answer = answerOf<Partial<Invocation>>(error);
  if (answer?.run_id === undefined) throw error;
  return answer as Invocation;
}

function Outcome({ answer: { status, run_id, processed_data, error_details } }: { answer: Invocation }) {
  return (
    <section aria-label="What came of it" role="status">
      <p>
        <Status name={status} /> <a href={linkTo("runs", run_id)}>its run</a>
      </p>
      {error_details ? (
        <FailureView failure={error_details} />
      ) : (
        processed_data.length > 0 && <Json value={processed_data.map(shortened)} />
      )}
    </section>
  );
}

/** A value with its long lists of numbers by their lengths alone: vectors are not to be read. */
function shortened(value: unknown): unknown {
  if (Array.isArray(value)) {
    const isVector = value.length > MAX_NUMBERS && value.every((each) => typeof each === "number");
    return isVector ? `${value.length} numbers` : value.map(shortened);
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, shortened(each)]));
}
