import { join } from "node:path";
import { DEVICE_FILES } from "../src/device/device.ts";
import { run } from "./command.ts";
import { must } from "./provider-bed.ts";

/** Has the operator of a data directory enrol a meter. */
export async function enrolMeter(dataDir: string, directory: string): Promise<void> {
    const request = join(directory, DEVICE_FILES.request);
    await must(run("enrol", "--data", dataDir, request, "--json"));
}

/** Makes a meter of half-hours in a directory, and has it enrolled. */
export async function makeEnrolledMeter(
    dataDir: string,
    directory: string,
    ...more: readonly string[]
): Promise<void> {
    const words = ["--zone", "UTC", "--slot-seconds", "1800", ...more, "--json"];
    await must(run("meter", "init", "--dir", directory, ...words));
    await enrolMeter(dataDir, directory);
}
