// The view of API keys: who may do what, until when, and when each was last used.

import { sentenceOf } from "../data/client.ts";
import { useList } from "../data/queries.ts";
import { linkTo, type Route } from "../data/route.ts";
import { Act } from "../parts/act.tsx";
import { Empty, Head, Id, Status, Time } from "../parts/basics.tsx";
import { Table } from "../parts/table.tsx";
import { CreateKey, FreshKey, RotateKey } from "./new-key.tsx";

const HEADS = ["Name", "Status", "May", "Key", "Last used", "Expires", "To do"];

export default function Keys(_: { route: Route }) {
  const list = useList(
    ["keys"],
    (api, cursor, signal) => api.listKeys({ ...(cursor && { cursor }) }, { signal }),
    { topics: ["keys"] },
  );
  return (
    <section aria-labelledby="view-title">
      <Head title={<span id="view-title">Keys</span>}>
        <CreateKey />
      </Head>
      <FreshKey />
      {list.error && <Empty>{sentenceOf(list.error)}</Empty>}
      {list.isSuccess && (
        <Table label="Keys" heads={HEADS}>
          {list.rows.map((key) => (
            <tr key={key.id}>
              <th scope="row">{key.name}</th>
              <td>
                <Status name={key.status} />
              </td>
              <td>{key.scopes.join(", ")}</td>
              <td>
                <code>{key.prefix}…</code> <Id value={key.id} />
              </td>
              <td>
                <Time at={key.last_used_at} />
              </td>
              <td>
                <Time at={key.expires_at} />
              </td>
              <td class="buttons">
                <a href={linkTo("audit", undefined, { key: key.id })}>What it did</a>
                {key.status === "live" && <RotateKey of={key} />}
                {(key.status === "live" || key.status === "replaced") && (
                  <Act
                    label="Revoke"
                    scope="deploy"
                    danger
                    confirm={{
                      title: `Revoke ${key.name}`,
                      text: "Who uses it is refused from now on. This cannot be taken back.",
                      word: key.name,
                    }}
                    run={(api) => api.revokeKey(key.id)}
                    says={() => `${key.name} is revoked.`}
                  />
                )}
              </td>
            </tr>
          ))}
        </Table>
      )}
    </section>
  );
}
