// A dispatch service in its smallest form: `npm install` once, then `node dispatch.mjs ORDERS`; deploy/docs/subscribe.md says
// why each line. Needs HOLDFAST_BROKERS, HOLDFAST_TOPIC_PREFIX as for Holdfast itself. A folder stands for the database of
// orders: a name is there once, whichever process writes it, as with a unique index on `ce_id`.
import { existsSync, linkSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import kafkajs from "kafkajs";

const { Kafka, Partitioners, logLevel } = kafkajs;
const { HOLDFAST_BROKERS: brokers, HOLDFAST_TOPIC_PREFIX: prefix = "" } = process.env;
const orders = process.argv[2];
mkdirSync(orders, { recursive: true });

const kafka = new Kafka({ brokers: brokers.split(","), logLevel: logLevel.ERROR });
const consumer = kafka.consumer({ groupId: `${prefix}dispatch-node`, sessionTimeout: 10_000, readUncommitted: false });
// The default of this version is Java's murmur2; the older one is another.
const producer = kafka.producer({ idempotent: true, createPartitioner: Partitioners.DefaultPartitioner });

async function handle({ message }) {
  const id = message.headers.ce_id.toString(), alert = JSON.parse(message.value), now = Date.now();
  const order = join(orders, `${id.replace(":", "-")}.json`), draft = join(orders, `.${process.pid}`);
  const action = alert.action ?? {}; // `eased` and `closed` have none
  if (action.contact_by < now && !existsSync(order)) return console.log("late", id);
  rmSync(draft, { force: true }); // the last one is the same file as an order
  writeFileSync(draft, message.value);
  try {
    linkSync(draft, order); // whole or not at all, and never a second time
    console.log(alert.event, id, action.unit, action.channel);
  } catch (error) {
    if (error.code !== "EEXIST") throw error; // it came again
  }
  const who = alert.subscriber_id;
  if (alert.event !== "raised" || who === null) return;
  // Also of what came again, since we may have ended before we said so: one event_id counts once.
  const said = { subscriber_id: who, ts: now, event_id: id, alert_id: alert.alert_id, status: "accepted", by: "dispatch" };
  await producer.send({ topic: `${prefix}churn.alert-feedback.v1`, messages: [{ key: who, value: JSON.stringify(said) }] });
}

await producer.connect();
await consumer.connect();
await consumer.subscribe({ topic: `${prefix}churn.retention-alerts.v1`, fromBeginning: true });
await consumer.run({ eachMessage: handle }); // commits what is handled, never more
