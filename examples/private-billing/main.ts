/**
 * `npx node examples/private-billing/main.ts [--homes N]`: real homes, three providers with three
 * granularities, a month, bills that are checked without a reading, and what each party could compute.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { parseInstant, slotOfUnix, toHex, unwrap } from "@meterseal/core";
import { LONDON_SLOT_SECONDS, type LondonHome, parseLondonCsv } from "@meterseal/meter";
import { findingWords } from "@meterseal/seal";
import { periodOf } from "@meterseal/tariff";
import {
    askOfProfile,
    type GrantAsk,
    NO_POLICY,
    type Policy,
    planWeighted,
} from "@meterseal/wallet";
import { amountFromReadings, check, LADDER, prove } from "./billing.ts";
import { type Answer, ask } from "./granting.ts";
import { Home, random, ZONE } from "./home.ts";
import { Provider } from "./provider.ts";
import { Store } from "./store.ts";

const LONDON = join(import.meta.dirname, "../london-2013");
const { values } = parseArgs({ options: { homes: { type: "string", default: "30" } } });
const count = Number(values.homes);
if (!Number.isInteger(count) || count < 3 || count > 32) {
    console.error("--homes takes a number from 3 to 32.");
    process.exit(2);
}

const [fromUnix, toUnix] = ["2013-01-01", "2013-02-01"].map((date) =>
    unwrap(parseInstant(date, ZONE)),
) as [number, number];
const period = unwrap(periodOf(fromUnix, toUnix, LONDON_SLOT_SECONDS));
const slots = period.toSlot - period.fromSlot;
let faults = 0;

/** Prints what was found out; a thing that does not hold ends the program with 1. */
function say(text: string, holds = true): void {
    if (!holds) faults++;
    console.log(holds ? text : `DOES NOT HOLD: ${text}`);
}

/** Prints why a wallet did not grant. */
function refused(what: string, answer: Answer): void {
    say(`${what}: refused.`, answer.grant === null);
    if (answer.grant !== null) return;
    for (const finding of answer.findings)
        console.log(`  ${findingWords(finding, daily.name, ZONE)}`);
}

function section(title: string): void {
    console.log(`\n${title}`);
}

// ---- the homes and the store ---------------------------------------------------------------------

const network = random(32);
const store = new Store();
const homes = readHomes().map((readings) => new Home(readings, network));
const start = performance.now();
for (const home of homes) {
    store.put(home.key.stream.streamId, await home.measure(period.fromSlot, period.toSlot));
}
section(`${count} London homes, January 2013`);
const seconds = ((performance.now() - start) / 1000).toFixed(1);
say(`${count * (slots + 1)} registers sealed, committed to and signed in ${seconds} s.`);

// ---- three providers, three granularities --------------------------------------------------------

const monthly = await Provider.create("Monthly Power", "GB-monthly");
const daily = await Provider.create("Daily Advice", "GB-daily");
const halfHourly = await Provider.create("Half-Hour Trading", "GB-half-hourly");
const providers = [monthly, daily, halfHourly];
/** Every household fears that all three talk to one another. */
const policy: Policy = {
    ...NO_POLICY,
    coalitions: [providers.map(({ party }) => toHex(party.id))],
};

section("Grants");
for (const [i, home] of homes.entries()) {
    const second = [daily, halfHourly][i % 3];
    for (const provider of second === undefined ? [monthly] : [monthly, second]) {
        const wish = unwrap(askOfProfile(provider.profile, home.ladder, fromUnix, toUnix));
        const answer = await ask(home, provider, wish, policy);
        if (answer.grant === null) say(`${home.name} grants nothing to ${provider.name}`, false);
        else await provider.accept(home, answer.grant);
    }
}
for (const provider of providers) {
    say(`${provider.name} (${provider.profile}): ${homesOf(provider.homes.length)}`);
}

section("Sums: the store adds up what it cannot read, each provider opens what it was granted");
for (const provider of providers) {
    let sums = 0;
    let wh = 0n;
    let isTrue = true;
    for (const home of provider.homes) {
        const instants = provider.opens(home, store);
        for (const [i, to] of instants.slice(1).entries()) {
            const from = instants[i] as number;
            const read = provider.readWh(home, store, from, to);
            isTrue &&= read === home.usedWh(from, to);
            wh += read;
            sums++;
        }
    }
    say(
        `${provider.name}: ${sums} sums, ${kwh(wh)} kWh, each what the home itself counted`,
        isTrue,
    );
}

// ---- what a wallet refuses -----------------------------------------------------------------------

section("What a wallet refuses");
const asked = homes[2] as Home;
const part = (from: string, to: string): GrantAsk => ({
    window: "day",
    groups: [0],
    fromUnix: unwrap(parseInstant(from, ZONE)),
    toUnix: unwrap(parseInstant(to, ZONE)),
});
const feared = await ask(asked, daily, part("2013-01-01", "2013-01-10"), policy);
refused("Nine days, where Monthly Power may pass on what it knows", feared);
const first = await ask(asked, daily, part("2013-01-01", "2013-01-10"), NO_POLICY);
say("The same days, where nobody is feared, are granted.", first.grant !== null);
const gap = await ask(asked, daily, part("2013-01-12", "2013-01-20"), NO_POLICY);
refused("Days behind them with a gap of two", gap);
const ladder = planWeighted(asked.key, store.recorded(asked.key.stream.streamId), {
    group: 0,
    fromUnix,
    toUnix,
    tariff: LADDER,
    isMarketSeries: false,
});
say("One sum at prices that would spell out single half-hours: refused.", !ladder.ok);
if (!ladder.ok) console.log(`  ${ladder.error.explanation}`);

// ---- bills ---------------------------------------------------------------------------------------

section("Bills of Monthly Power, day and night, checked without a reading");
const bills = homes.map((home) => ({ home, bill: prove(home, store, period) }));
let held = 0;
for (const [i, { bill, home }] of bills.entries()) {
    const money = check(bill, home, store, period);
    const isRight = money !== null && bill.amount === amountFromReadings(home, period);
    if (isRight) held++;
    if (i < 3 || !isRight) say(`${home.name}: GBP ${money}`, isRight);
}
say(`${held} of ${count} bills follow from the meters' signed commitments`, held === count);
const [one, two] = bills as [(typeof bills)[0], (typeof bills)[0]];
const less = { ...one.bill, amount: one.bill.amount - 1n };
say(
    "A bill that is less by a billionth is refused.",
    check(less, one.home, store, period) === null,
);
const swapped = { ...two.bill, stream: one.bill.stream, meter: one.bill.meter };
say("Another home's bill is refused.", check(swapped, one.home, store, period) === null);

// ---- what each party could compute ---------------------------------------------------------------

section("What each party could compute");
say(`The store: when readings came; of ${count * (slots + 1)} registers it can subtract none.`);
for (const provider of providers) {
    const opened = provider.homes.map((home) => provider.opens(home, store));
    const finest = opened.reduce((most, instants) => Math.max(most, instants.length - 1), 0);
    const length = (toUnix - fromUnix) / finest / 3600;
    const others = homes.filter((home) => !provider.homes.includes(home));
    const beyond = others.filter((home) => provider.opens(home, store).length > 0).length;
    say(
        `${provider.name}: of ${homesOf(opened.length)} ${finest === 1 ? "one sum" : `${finest} sums`} each, over ${length} h; of the other ${homesOf(others.length)} nothing.`,
        beyond === 0,
    );
}
const together = homes.map((home) => {
    const instants = new Set(providers.flatMap((provider) => provider.opens(home, store)));
    const alone = Math.max(...providers.map((provider) => provider.opens(home, store).length));
    return instants.size === alone;
});
say(
    "All three together: of each home what the finest of its grants says, and no more.",
    together.every((isSame) => isSame),
);
say("Who checks a bill: its amount, and that it is right.");
say("Each household: everything of its own, and nothing of another.");
if (faults > 0) console.log(`\n${faults} things do not hold.`);
process.exitCode = faults === 0 ? 0 : 1;

function readHomes(): LondonHome[] {
    const file = "block16sep.csv.gz";
    const text = gunzipSync(readFileSync(join(LONDON, file))).toString("utf8");
    const found = unwrap(parseLondonCsv(text, file));
    const begun = found.filter(({ firstDay }) => firstDay * 48 <= slotOfUnix(fromUnix, 1800));
    return (begun.length >= count ? begun : found).slice(0, count);
}

function kwh(wh: bigint): string {
    return `${wh / 1000n}.${String(wh % 1000n).padStart(3, "0")}`;
}

function homesOf(number: number): string {
    return number === 1 ? "one home" : `${number} homes`;
}
