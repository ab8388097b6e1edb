import { randomBytes } from "node:crypto";
import { generateHpkeKeyPair, openHpke, sealHpke, unwrap, utf8 } from "@meterseal/core";
import { generatePrivateKeyPem, signerFromPem } from "@meterseal/core/node";
import {
    createEnrolment,
    createLinkToken,
    parseEnrolment,
    parseLinkToken,
    ROLE,
    verifySign1,
} from "@meterseal/record";
import { cpuMsPerCall } from "../lib/measure.ts";
import { ChainWriter, makeMeters } from "../lib/meters.ts";
import type { Quantity, Row, Suite } from "../lib/report.ts";

const CONTEXT = { info: utf8("bench"), aad: utf8("bench") };
const MONTH_SECONDS = 31 * 86_400;
/** Readings of a record where a day of quarter-hours is sent at once. */
const DAY_READINGS = 96;

/**
 * The table of the founding paper on private metering in a cloud (P3), and what the same step costs
 * here. Its numbers come from other machines and another protocol: as text, not as a race.
 */
export const p3Suite: Suite = {
    name: "p3",
    title: "the table of P3 beside ours, CPU time and bytes",
    async run({ quick }) {
        const calls = quick ? 3 : 200;
        const operator = signerFromPem(generatePrivateKeyPem("es256"));
        const network = new Uint8Array(randomBytes(32));
        const [meter] = makeMeters(1, 2);
        if (meter === undefined) throw new Error("no meter");
        const signer = signerFromPem(meter.pem);
        const enrol = (): Promise<Uint8Array> =>
            createEnrolment(operator, {
                network,
                role: ROLE.meter,
                id: meter.subject,
                key: signer.publicKey,
                timeUnix: 1,
                epoch: 0,
                streams: [meter.stream],
            });
        const registrationMs = await cpuMsPerCall(calls, async () => {
            signerFromPem(generatePrivateKeyPem("es256"));
            const { message } = unwrap(parseEnrolment(await enrol()));
            verifySign1(message, operator.publicKey);
        });
        const nonceMs = await cpuMsPerCall(calls, async () => {
            const claim = { network, subject: meter.subject, timeUnix: 1 };
            const { message } = unwrap(parseLinkToken(await createLinkToken(signer, claim)));
            verifySign1(message, signer.publicKey);
        });
        const pair = unwrap(await generateHpkeKeyPair(1));
        const exchangeMs = await cpuMsPerCall(calls, async () => {
            const sealed = await sealHpke(1, pair.publicKey, CONTEXT, new Uint8Array(400));
            await openHpke(pair, CONTEXT, unwrap(sealed));
        });
        const writer = new ChainWriter(meter, 0, new Uint8Array(32));
        const singleMs = await cpuMsPerCall(calls, () => writer.next(1));
        const dayMs = await cpuMsPerCall(quick ? 1 : 50, () => writer.next(DAY_READINGS));
        const [single, day] = [await writer.next(1), await writer.next(DAY_READINGS)];
        const megabytes = (slotSeconds: number): number =>
            ((MONTH_SECONDS / slotSeconds / DAY_READINGS) * day.length) / 1e6;
        return {
            rows: [
                against("registration: keys, enrolment signed and checked", ms(registrationMs), {
                    value: 10,
                    unit: "ms",
                    of: "P3, below",
                }),
                against(
                    "– its message",
                    { value: (await enrol()).length, unit: "bytes" },
                    { value: 1592, unit: "bytes", of: "P3" },
                ),
                against(
                    "freshness of a connection: a signed token, made and checked",
                    ms(nonceMs),
                    { value: 1.2, unit: "ms", of: "P3, a nonce" },
                ),
                against(
                    "one reading with import and export: sealed, chained, signed",
                    ms(singleMs),
                    { value: 12, unit: "ms", of: "P3, encryption, below" },
                ),
                against("– in a record of 96", ms(dayMs / DAY_READINGS), {
                    value: 12,
                    unit: "ms",
                    of: "P3, encryption, below",
                }),
                against("keys for a recipient: sealed and opened", ms(exchangeMs), {
                    value: 4.3,
                    unit: "ms",
                    of: "P3, a session key",
                }),
                against(
                    "a meter and month of quarter-hours, a record a day",
                    { value: megabytes(900), unit: "MB" },
                    { value: 126.3, unit: "MB", of: "P3, below" },
                ),
                against(
                    "– of half-minutes, in records of 96",
                    { value: megabytes(30), unit: "MB" },
                    { value: 126.3, unit: "MB", of: "P3, below" },
                ),
            ],
            facts: [
                `a record of one reading has ${single.length} bytes, of 96 readings ${day.length}; two registers a reading`,
                "P3's transmission of 2.8 ms is not set beside ours: how long a message takes is the network's; what a message costs stands in the suites live and ingest",
                "delay and throughput for 100 to 10,000 meters (P3's figures 4 and 5): suite scaling",
            ],
        };
    },
};

function ms(value: number): Quantity {
    return { value, unit: "ms" };
}

function against(what: string, ours: Quantity, theirs: Quantity): Row {
    return { what, ours, against: theirs, ratio: theirs.value / ours.value, target: null };
}
