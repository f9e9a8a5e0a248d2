import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { snsNotification } from "../../cli/senders/sign.ts";
import { door, type Message, NOW, otherSnsSigner, snsSigner, TOPIC } from "./given.ts";
import { records, s3Record } from "./records.ts";

// Real messages signed by AWS: third-party data, read from beside the project where it is at hand.
const folder = new URL("../../../shared/fixtures/sns/", import.meta.url);
const absent = !existsSync(folder);
if (absent) console.log("skipped: the SNS messages signed by AWS are not beside this checkout");
const files = absent ? [] : readdirSync(folder).filter((name) => name.endsWith(".json"));
const read = (name: string) => readFileSync(new URL(name, folder), "utf8");
const pem = () => read(readdirSync(folder).find((name) => name.endsWith(".pem")) ?? "");
const sent = (body: string): Message => {
  const type = /"Type" ?: ?"(\w+)"/.exec(body)?.[1] ?? "Notification";
  return { headers: { "content-type": "text/plain; charset=UTF-8", "x-amz-sns-message-type": type }, body };
};
const aws = (url: string) =>
  url.endsWith(".pem") ? new Response(pem()) : new Response("<ConfirmSubscriptionResponse/>");

describe.skipIf(absent)("messages signed by AWS", () => {
  test.each(files)("%s is proven", async (name) => {
    const { deliver, rejected } = door({ answer: aws });
    const result = await deliver("conn_aws", sent(read(name)));
    // Notifications are genuine but speak of no object: proven, and then malformed.
    if (name.includes("notification")) expect(result).toMatchObject({ failure: { kind: "malformed" } });
    else expect(result).toMatchObject({ ok: true, value: { events: [] } });
    expect(rejected.map(({ failure }) => failure.kind)).not.toContain("unproven");
  });

  test.each(files)("%s fails with any one character of what is signed changed", async (name) => {
    const message: Record<string, string> = JSON.parse(read(name));
    const signed = [
      "Message",
      "MessageId",
      "Subject",
      "SubscribeURL",
      "Timestamp",
      "Token",
      "TopicArn",
      "Signature",
    ];
    const fields = signed.filter(
      (field) => field in message && !(field === "SubscribeURL" && name.includes("notif")),
    );
    for (const field of fields) {
      const value = message[field] ?? "";
      for (const at of new Set([0, Math.floor(value.length / 2), value.length - 1])) {
        const other = value[at] === "A" ? "B" : "A";
        const altered = { ...message, [field]: value.slice(0, at) + other + value.slice(at + 1) };
        const { deliver, fetched } = door({ answer: aws });
        expect(await deliver("conn_aws", sent(JSON.stringify(altered))), `${field}[${at}]`).toMatchObject({
          failure: { kind: "unproven" },
        });
        expect(fetched.filter((url) => !url.endsWith(".pem"))).toEqual([]);
      }
    }
  });

  test.each(files)(
    "%s is still genuine with its keys in another order and other white space",
    async (name) => {
      const message: Record<string, string> = JSON.parse(read(name));
      const turned = Object.fromEntries(Object.entries(message).reverse());
      const { deliver, rejected } = door({ answer: aws });
      await deliver("conn_aws", sent(JSON.stringify(turned)));
      expect(rejected.map(({ failure }) => failure.kind)).not.toContain("unproven");
    },
  );

  test("a subject put in, taken away or emptied is not covered by the signature", async () => {
    const without: object = JSON.parse(read("test-notification-no-subject.json"));
    const { Subject, ...removed } = JSON.parse(read("test-notification-with-subject.json"));
    for (const message of [
      { ...without, Subject: "" },
      { ...without, Subject: "x" },
      removed,
      { ...removed, Subject: "" },
    ]) {
      expect(await door({ answer: aws }).deliver("conn_aws", sent(JSON.stringify(message)))).toMatchObject({
        failure: { kind: "unproven" },
      });
    }
    expect(Subject).toBe("My message subject");
  });

  test("a version of the signature that is not its own, or is unknown, fails", async () => {
    const v1 = JSON.parse(read("test-notification-no-subject.json"));
    for (const SignatureVersion of ["2", "3", "", 1, null]) {
      expect(
        await door({ answer: aws }).deliver("conn_aws", sent(JSON.stringify({ ...v1, SignatureVersion }))),
      ).toMatchObject({ failure: { kind: "unproven" } });
    }
  });

  test("a genuine message of a topic that is not listed is forbidden, and its subscription not confirmed", async () => {
    for (const name of files) {
      const { deliver, fetched } = door({ answer: aws });
      expect(await deliver("conn_aws_other", sent(read(name)))).toMatchObject({
        failure: { kind: "forbidden" },
      });
      expect(fetched.every((url) => url.endsWith(".pem"))).toBe(true);
    }
  });

  test("a listed topic's subscription is confirmed at SNS; an unsubscription fetches nothing", async () => {
    const subscribed = door({ answer: aws });
    expect(
      await subscribed.deliver("conn_aws", sent(read("test-subscription-confirmation.json"))),
    ).toMatchObject({
      value: { handshake: "subscription" },
    });
    expect(subscribed.fetched[1]).toMatch(
      /^https:\/\/sns\.us-west-2\.amazonaws\.com\/\?Action=ConfirmSubscription/,
    );
    const left = door({ answer: aws });
    expect(await left.deliver("conn_aws", sent(read("test-unsubscribe-confirmation.json")))).toMatchObject({
      value: { handshake: "unsubscription" },
    });
    expect(left.fetched).toHaveLength(1);
  });

  test("a subscription that SNS does not confirm is asked for again", async () => {
    const { deliver } = door({
      answer: (url) => (url.endsWith(".pem") ? new Response(pem()) : new Response("", { status: 500 })),
    });
    expect(await deliver("conn_aws", sent(read("test-subscription-confirmation.json")))).toMatchObject({
      failure: { kind: "unavailable" },
    });
  });

  test("the certificate is fetched once", async () => {
    const { deliver, fetched } = door({ answer: aws });
    for (const name of files) await deliver("conn_aws", sent(read(name)));
    expect(fetched.filter((url) => url.endsWith(".pem"))).toHaveLength(1);
  });

  const host = "sns.us-west-2.amazonaws.com";
  const path = "/SimpleNotificationService-7506a1e35b36ef5a444dd1a8e7cc3ed8.pem";
  test.each([
    `http://${host}${path}`,
    `https://${host}.evil.test${path}`,
    `https://${host}@evil.test${path}`,
    `https://evil.test@${host}${path}`,
    `https://user:pass@${host}${path}`,
    `https://${host}:8443${path}`,
    `https://${host}:443${path}`,
    `https://${host}.${path}`,
    `https://evil-${host}${path}`,
    `https://sns.evil.us-west-2.amazonaws.com${path}`,
    `https://bucket.s3.amazonaws.com${path}`,
    `https://sns.us-west-2.amazonaws.com.s3.amazonaws.com${path}`,
    `https://sns.amazonaws.com${path}`,
    `https://sns.us-west-2.amazonaws.com.tw${path}`,
    `https://${host}/evil${path}`,
    `https://${host}/?Action=Publish&x=${path}`,
    `https://${host}${path}?x=1`,
    `https://${host}${path}#x`,
    `https://${host}/../${path}`,
    `https://${host}/SimpleNotificationService-.pem`,
    `https://${host}${path}\n`,
    `\thttps://${host}${path}`,
    `https:\\\\${host}\\SimpleNotificationService-00.pem`,
    `HTTPS://${host.toUpperCase()}${path}`,
    `//${host}${path}`,
    "file:///etc/passwd",
    "",
  ])("a certificate at %j is refused, and nothing is fetched", async (SigningCertURL) => {
    const message = { ...JSON.parse(read("test-notification-no-subject.json")), SigningCertURL };
    const { deliver, fetched } = door({ answer: aws });
    expect(await deliver("conn_aws", sent(JSON.stringify(message)))).toMatchObject({
      failure: { kind: "unproven" },
    });
    expect(fetched).toEqual([]);
  });

  test("a certificate address that redirects is refused and not followed", async () => {
    const { deliver, fetched } = door({
      answer: () => new Response(null, { status: 302, headers: { location: "https://evil.test/x.pem" } }),
    });
    expect(await deliver("conn_aws", sent(read("test-notification-no-subject.json")))).toMatchObject({
      failure: { kind: "unproven" },
    });
    expect(fetched).toHaveLength(1);
  });

  const genuine = () => JSON.parse(read("test-notification-no-subject.json"));
  const certificateOf = (SigningCertURL: string) => sent(JSON.stringify({ ...genuine(), SigningCertURL }));

  test.each([
    ["sns.us-gov-west-1.amazonaws.com", 1],
    ["sns.cn-north-1.amazonaws.com.cn", 1],
    ["sns.eusc-de-east-1.amazonaws.eu", 1],
    ["sns.cn-north-1.amazonaws.com", 0],
    ["sns.us-east-1.amazonaws.com.cn", 0],
    ["sns.us-east-1.amazonaws.eu", 0],
    ["sns.eusc-de-east-1.amazonaws.com", 0],
    ["sns.eusc-de-east-1.amazonaws.eu.evil.test", 0],
    ["sns.xx.amazonaws.eu", 0],
  ])("a certificate at %s is fetched %i times: each partition has its own domain", async (host, times) => {
    const { deliver, fetched } = door({ answer: aws });
    const path = "/SimpleNotificationService-0123abcd.pem";
    const result = await deliver("conn_aws", certificateOf(`https://${host}${path}`));
    expect(fetched).toEqual(times === 1 ? [`https://${host}${path}`] : []);
    if (times === 0) expect(result).toMatchObject({ failure: { kind: "unproven" } });
  });

  test("a forged certificate name is asked for once, however many deliveries bear it, at once or later", async () => {
    const SigningCertURL = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-f00d.pem";
    let now = NOW;
    const { deliver, fetched } = door({
      now: () => now,
      answer: () => new Response("", { status: 403 }),
    });
    const all = Array.from({ length: 20 }, () => deliver("conn_aws", certificateOf(SigningCertURL)));
    for (const result of await Promise.all(all))
      expect(result).toMatchObject({ failure: { kind: "unproven", where: "SigningCertURL" } });
    now += 60_000;
    await deliver("conn_aws", certificateOf(SigningCertURL));
    expect(fetched).toEqual([SigningCertURL]);
    // What was once not there may be there one day.
    now += 3_600_000;
    await deliver("conn_aws", certificateOf(SigningCertURL));
    expect(fetched).toHaveLength(2);
  });

  test("forged names by the thousand do not push out the certificate that is known", async () => {
    const { deliver, fetched } = door({
      answer: (url) => (url.includes("-f00d") ? new Response("", { status: 404 }) : aws(url)),
    });
    const proven = () => deliver("conn_aws", sent(JSON.stringify(genuine())));
    expect(await proven()).toMatchObject({ failure: { kind: "malformed" } });
    for (let n = 0; n < 2_000; n++) {
      const name = `SimpleNotificationService-f00d${n.toString(16)}.pem`;
      await deliver("conn_aws", certificateOf(`https://sns.us-east-1.amazonaws.com/${name}`));
    }
    const before = fetched.length;
    expect(await proven()).toMatchObject({ failure: { kind: "malformed" } });
    expect(fetched).toHaveLength(before);
  });

  test("when SNS could not be asked, it is asked again soon", async () => {
    let now = NOW;
    let isUp = false;
    const { deliver, fetched } = door({
      now: () => now,
      answer: (url) => (isUp ? aws(url) : new Response("", { status: 503 })),
    });
    const delivery = () => deliver("conn_aws", sent(JSON.stringify(genuine())));
    expect(await delivery()).toMatchObject({ failure: { kind: "unavailable" } });
    expect(await delivery()).toMatchObject({ failure: { kind: "unavailable" } });
    expect(fetched).toHaveLength(1);
    isUp = true;
    now += 20_000;
    expect(await delivery()).toMatchObject({ failure: { kind: "malformed" } });
  });

  test.each([
    ["no network", undefined],
    ["an error", () => new Response("", { status: 503 })],
    ["no certificate", () => new Response("hello")],
    ["an endless one", () => new Response("A".repeat(100_000))],
  ])("when SNS answers with %s, the fault is ours and the sender tries again", async (_, answer) => {
    const { deliver } = door(answer === undefined ? {} : { answer });
    expect(await deliver("conn_aws", sent(read("test-notification-no-subject.json")))).toMatchObject({
      failure: { kind: "unavailable", retry_after_seconds: expect.any(Number) },
    });
  });
});

describe("messages of a sender whose certificate is pinned", () => {
  const notification = (message: string, privateKey = snsSigner.privateKey, topicArn = TOPIC) =>
    snsNotification({ topicArn, message, messageId: "m-1", now: NOW, privateKey });

  test("the S3 records inside Message become events, and no certificate is fetched", async () => {
    const { deliver, sent, fetched } = door();
    const result = await deliver("conn_sns", notification(records(s3Record({ key: "a b+c.mp4" }))));
    expect(result).toMatchObject({ ok: true, value: { events: [{ bucket: "media", key: "a b+c.mp4" }] } });
    expect(sent).toHaveLength(1);
    expect(fetched).toEqual([]);
  });

  test("another key's signature fails", async () => {
    const { deliver, sent } = door();
    const result = await deliver("conn_sns", notification(records(s3Record()), otherSnsSigner.privateKey));
    expect(result).toMatchObject({ failure: { kind: "unproven" } });
    expect(sent).toEqual([]);
  });

  test("raw delivery is unsigned and refused", async () => {
    const { deliver } = door();
    const headers = { "x-amz-sns-message-type": "Notification", "x-amz-sns-rawdelivery": "true" };
    const { body } = notification(records(s3Record()));
    expect(await deliver("conn_sns", { headers, body })).toMatchObject({ failure: { kind: "unproven" } });
    expect(await deliver("conn_sns", { headers, body: records(s3Record()) })).toMatchObject({
      failure: { kind: "unproven" },
    });
  });

  test("S3's test event is heard and runs nothing", async () => {
    const { deliver, sent } = door();
    const probe = JSON.stringify({ Service: "Amazon S3", Event: "s3:TestEvent", Bucket: "media" });
    expect(await deliver("conn_sns", notification(probe))).toMatchObject({
      value: { events: [], quarantined: 0, probe: "s3:TestEvent" },
    });
    expect(sent).toEqual([]);
  });
});
