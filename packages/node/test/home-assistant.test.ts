import { error } from "@meterseal/core";
import { type Fault, verdictOf } from "@meterseal/ledger";
import { MEDIUM } from "@meterseal/record";
import type { SealedStream } from "@meterseal/seal";
import type { HouseholdReport, OpenBoundary } from "@meterseal/wallet";
import { describe, expect, it } from "vitest";
import { discoveryPayload, homeTopics } from "../src/household/home-assistant/discovery.ts";
import { homeReading } from "../src/household/home-assistant/state.ts";

const METER = Uint8Array.from({ length: 16 }, (_, i) => i);
const TOPICS = homeTopics({ meter: METER }, "homeassistant");

function boundary(
    minute: number,
    importWh: bigint,
    exportWh: bigint | null = 0n,
    flag = 0,
): OpenBoundary {
    const unix = 1_700_000_000 + 60 * minute;
    return { ...{ unix, slot: minute, level: 0 }, importWh, exportWh, flag };
}

const POWER = {};
const fault = (): Fault => ({ error: error("MS_SIGNATURE_BAD"), where: "record 1" });

function report(
    series: OpenBoundary[],
    faulty: keyof HouseholdReport["verdicts"] | null = null,
): HouseholdReport {
    const verdict = (name: string) => verdictOf(1, name === faulty ? [fault()] : []);
    return {
        verdicts: {
            ...{ signature: verdict("signature"), continuity: verdict("continuity") },
            ...{ clock: verdict("clock"), plausibility: verdict("plausibility"), checkpoint: null },
        },
        records: series.length === 0 ? [] : [{} as HouseholdReport["records"][number]],
        ...{ series, joins: [], corrections: [], prunedBeforeUnix: null },
    } as HouseholdReport;
}

describe("what a home's dashboard shows", () => {
    it("is the registers, the mean power of the last slot, and that the seal holds", () => {
        const { faults, state } = homeReading(
            report([boundary(0, 1_000n), boundary(1, 1_034_567n, 5n)]),
            POWER,
            null,
        );
        expect(faults).toEqual([]);
        expect(state).toEqual({
            ...{ import: "1034.567", export: "0.005", flow: `${(1_033_567 - 5) * 60}` },
            ...{ lastReading: "2023-11-14T22:14:20.000Z", sealValid: "ON", tamper: "OFF" },
        });
    });

    it("is below zero where more went out than came in, and nothing where it was not measured", () => {
        const out = homeReading(report([boundary(0, 5n, 0n), boundary(1, 5n, 4n)]), POWER, null);
        expect(out.state.flow).toBe("-240");
        const missing = homeReading(report([boundary(0, 5n), boundary(1, 5n, 0n, 1)]), POWER, null);
        expect(missing.state).toMatchObject({ import: "0.005", flow: null });
    });

    it("is in cubic metres of gas and water, with the litre as last digit", () => {
        const series = [boundary(0, 12_785_123n, null), boundary(30, 12_785_623n, null)];
        const { state } = homeReading(report(series), { medium: MEDIUM.gas }, null);
        expect(state).toMatchObject({ import: "12785.623", export: null, flow: "1.000" });
    });

    it("before the first reading is nothing, and no seal", () => {
        expect(homeReading(report([]), POWER, null).state).toEqual({
            ...{ import: null, export: null, flow: null, lastReading: null },
            ...{ sealValid: "OFF", tamper: "OFF" },
        });
    });

    it.each(["signature", "continuity", "plausibility"] as const)(
        "is tampered with where the %s does not hold",
        (name) => {
            const { faults, state } = homeReading(report([boundary(0, 5n)], name), POWER, null);
            expect(state).toMatchObject({ sealValid: "OFF", tamper: "ON" });
            expect(faults).toEqual([expect.stringContaining("MS_SIGNATURE_BAD")]);
        },
    );

    it("has no valid seal where a clock is wrong, which is no tampering", () => {
        const { state } = homeReading(report([boundary(0, 5n)], "clock"), POWER, null);
        expect(state).toMatchObject({ sealValid: "OFF", tamper: "OFF" });
    });

    it.each([
        ["an earlier last reading", [boundary(0, 5n)]],
        ["a lower import", [boundary(0, 5n), boundary(1, 6n, 9n)]],
        ["a lower export", [boundary(0, 5n), boundary(1, 9n, 6n)]],
        ["no reading", []],
    ])("keeps its totals where a server shows %s than before, and says so", (_, series) => {
        const before = boundary(1, 7n, 7n);
        const { faults, shown, state } = homeReading(report(series), POWER, before);
        expect(shown).toBe(before);
        expect(state).toMatchObject({
            ...{ import: "0.007", export: "0.007", flow: null, sealValid: "OFF", tamper: "ON" },
        });
        expect(faults).toContain("the server shows less than before");
    });
});

const streamOf = (...groups: number[]): SealedStream => ({
    ...{ streamId: METER, sealEpoch: 0, suite: 1, slotSeconds: 900 },
    groups: groups.map((group) => ({ group, channels: 1 })),
});

/** Keys of the entities that Home Assistant documents (MQTT sensor, MQTT binary sensor). */
const KEYS = {
    sensor: ["device_class", "state_class", "unit_of_measurement"],
    binary_sensor: ["device_class", "icon"],
};
const COMMON = ["name", "platform", "unique_id", "value_template"];

describe("the discovery message", () => {
    const key = { meter: METER, name: "Home", stream: streamOf(0, 1) };
    const payload = JSON.parse(JSON.stringify(discoveryPayload(key, TOPICS, "1.2.3"))) as Record<
        string,
        never
    > & { components: Record<string, Record<string, string>> };

    it("stands at the topic of a device, and has what a device must have", () => {
        expect(TOPICS.discovery).toMatch(/^homeassistant\/device\/[\w-]+\/config$/);
        const { components, ...rest } = payload;
        expect(rest).toEqual({
            device: {
                ...{ identifiers: ["meterseal_000102030405060708090a0b0c0d0e0f"], name: "Home" },
                ...{ manufacturer: "Meterseal", model: "Sealed meter" },
                serial_number: "000102030405060708090a0b0c0d0e0f",
            },
            origin: { name: "meterseal", sw_version: "1.2.3" },
            state_topic: "meterseal/000102030405060708090a0b0c0d0e0f/state",
            availability_topic: "meterseal/000102030405060708090a0b0c0d0e0f/availability",
            qos: 1,
        });
        expect(Object.keys(components).sort()).toEqual(
            ["export", "import", "flow", "lastReading", "sealValid", "tamper"].sort(),
        );
    });

    it("has entities with documented keys alone, each of its own name, for each field of the state", () => {
        const entities = Object.values(payload.components);
        for (const entity of entities) {
            const { platform = "" } = entity;
            const known = [...COMMON, ...(KEYS[platform as keyof typeof KEYS] ?? [])];
            expect(known).toEqual(expect.arrayContaining(Object.keys(entity)));
        }
        expect(new Set(entities.map(({ unique_id }) => unique_id)).size).toBe(entities.length);
        const { state } = homeReading(report([boundary(0, 1n)]), POWER, null);
        expect(Object.keys(payload.components).sort()).toEqual(Object.keys(state).sort());
        for (const [field, { value_template }] of Object.entries(payload.components))
            expect(value_template).toBe(`{{ value_json.${field} }}`);
    });

    it("calls totals what the energy dashboard takes", () => {
        const total = {
            device_class: "energy",
            state_class: "total_increasing",
            unit_of_measurement: "kWh",
        };
        expect(payload.components.import).toMatchObject(total);
        expect(payload.components.export).toMatchObject(total);
        const oneWay = { ...key, stream: streamOf(0) };
        const without = discoveryPayload(oneWay, TOPICS, "1") as typeof payload;
        expect(without.components).not.toHaveProperty("export");
    });

    it.each([
        [MEDIUM.gas, "gas", "m³", "volume_flow_rate", "m³/h"],
        [MEDIUM.water, "water", "m³", "volume_flow_rate", "m³/h"],
        [MEDIUM.heat, "energy", "kWh", "power", "W"],
    ])("calls medium %s by its class and unit", (medium, total, unit, flow, flowUnit) => {
        const of = { ...key, medium, stream: streamOf(0) };
        const { components } = discoveryPayload(of, TOPICS, "1") as typeof payload;
        expect(components.import).toMatchObject({ device_class: total, unit_of_measurement: unit });
        expect(components.flow).toMatchObject({
            device_class: flow,
            unit_of_measurement: flowUnit,
        });
    });
});
