import { toHex } from "@meterseal/core";
import { GROUP, type MediumName, unitOfMedium } from "@meterseal/record";
import type { KeyFile } from "@meterseal/wallet";
import type { HomeState } from "./state.ts";

/** Topics of one metering point at a broker in the home. */
export type HomeTopics = {
    /** What Home Assistant learns the device from. */
    readonly discovery: string;
    readonly state: string;
    readonly availability: string;
};

/** What the availability topic says; Home Assistant's own words. */
export const AVAILABILITY = { online: "online", offline: "offline" } as const;

/**
 * Topics of a metering point.
 * @param prefix - where Home Assistant looks for devices; `homeassistant` where nobody changed it.
 */
export function homeTopics({ meter }: Pick<KeyFile, "meter">, prefix: string): HomeTopics {
    const name = toHex(meter);
    return {
        discovery: `${prefix}/device/meterseal_${name}/config`,
        state: `meterseal/${name}/state`,
        availability: `meterseal/${name}/availability`,
    };
}

/** One entity: the words of Home Assistant's MQTT integration. */
type Entity = {
    readonly key: keyof HomeState;
    readonly platform: "sensor" | "binary_sensor";
} & Readonly<Record<string, string>>;

/** How Home Assistant calls total and flow of each medium; their units are those of the state. */
const CLASSES: Readonly<Record<MediumName, readonly [total: string, flow: string]>> = {
    electricity: ["energy", "power"],
    gas: ["gas", "volume_flow_rate"],
    water: ["water", "volume_flow_rate"],
    heat: ["energy", "power"],
};

function entitiesOf(medium: number | undefined, hasExport: boolean): Entity[] {
    const { label, name } = unitOfMedium(medium);
    const [totalClass, flowClass] = CLASSES[name];
    const total = { state_class: "total_increasing", unit_of_measurement: label };
    const sensor = { platform: "sensor" } as const;
    const binary = { platform: "binary_sensor" } as const;
    return [
        { key: "import", ...sensor, name: "Import", device_class: totalClass, ...total },
        ...(hasExport
            ? [
                  {
                      ...({ key: "export", ...sensor, name: "Export" } as const),
                      ...{ device_class: totalClass, ...total },
                  },
              ]
            : []),
        {
            ...{ key: "flow", ...sensor, name: label === "kWh" ? "Power" : "Flow" },
            ...{ device_class: flowClass, state_class: "measurement" },
            unit_of_measurement: label === "kWh" ? "W" : "m³/h",
        },
        { key: "lastReading", ...sensor, name: "Last reading", device_class: "timestamp" },
        { key: "sealValid", ...binary, name: "Seal valid", icon: "mdi:seal" },
        { key: "tamper", ...binary, name: "Tamper", device_class: "tamper" },
    ];
}

/**
 * Discovery message of a metering point: one device with its entities (Home Assistant, MQTT, "Device
 * discovery payload").
 */
export function discoveryPayload(
    key: Pick<KeyFile, "medium" | "meter" | "name" | "stream">,
    topics: HomeTopics,
    softwareVersion: string,
): object {
    const device = `meterseal_${toHex(key.meter)}`;
    const hasExport = key.stream.groups.some(({ group }) => group === GROUP.export);
    const components = entitiesOf(key.medium, hasExport).map(({ key: field, ...entity }) => [
        field,
        {
            ...entity,
            unique_id: `${device}_${field}`,
            value_template: `{{ value_json.${field} }}`,
        },
    ]);
    return {
        device: {
            identifiers: [device],
            name: key.name,
            manufacturer: "Meterseal",
            model: "Sealed meter",
            serial_number: toHex(key.meter),
        },
        origin: { name: "meterseal", sw_version: softwareVersion },
        components: Object.fromEntries(components),
        state_topic: topics.state,
        availability_topic: topics.availability,
        qos: 1,
    };
}
