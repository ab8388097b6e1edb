import { existsSync, statSync } from "node:fs";
import { lockHolder } from "@meterseal/stores";
import { systemClock } from "../clocks.ts";
import { type Configuration, httpLinkOf, linksOf, mqttPortOf } from "../config/config.ts";
import { isDatagram, isListener, isSecure } from "../config/links.ts";
import { PLACES, reasonOf } from "../files.ts";
import { PORTAL_DIRECTORY } from "../server/server.ts";
import { checkBrokers } from "./brokers.ts";
import { checkCertificate } from "./certificate.ts";
import { type Check, fault, fine } from "./check.ts";
import { checkClock, checkFormat, checkKeys, checkLeftovers, checkStore } from "./data.ts";
import { checkFsync, checkSpace, nearestDirectory } from "./disk.ts";
import { checkLines } from "./lines.ts";
import { checkNode, checkPortal, checkTimeZones } from "./machine.ts";
import { checkPort, type PortPlan } from "./ports.ts";

/** Looks at this machine and, where it is named, at a data directory. Changes nothing. */
export async function examine(configuration: Configuration): Promise<Check[]> {
    const data = configuration.data.value;
    const dataDir = data === null ? null : String(data);
    const checks = [checkNode(), checkTimeZones(), checkPortal(PORTAL_DIRECTORY)];
    const place = nearestDirectory(dataDir ?? ".");
    if (!statSync(place).isDirectory()) {
        return [...checks, fault("data directory", `${place} is a file`, "Choose another path.")];
    }
    const format = dataDir === null ? null : checkFormat(dataDir);
    if (format?.status === "fault") return [...checks, format]; // nothing is written there
    checks.push(checkSpace(place), ...checkFsync(place));
    const holder = dataDir === null ? null : lockHolder(PLACES.server(dataDir));
    checks.push(...(await checkPorts(configuration, holder !== null)));
    if (format === null || dataDir === null) {
        return [...checks, checkClock(systemClock.nowMs(), null)];
    }
    checks.push(format);
    if (!existsSync(dataDir)) return [...checks, checkClock(systemClock.nowMs(), null)];
    try {
        checks.push(...(await checkStore(dataDir)), await checkKeys(dataDir));
        checks.push(fine("lock", holder === null ? "free: no server runs" : `held by ${holder}`));
        checks.push(checkLeftovers(dataDir, holder !== null));
    } catch (cause) {
        const todo = "Run the doctor as the server's user.";
        checks.push(fault("data directory", reasonOf(cause), todo));
    }
    return checks;
}

async function checkPorts(configuration: Configuration, isServing: boolean): Promise<Check[]> {
    const host = String(configuration.host.value);
    const plans: PortPlan[] = [
        { name: "http port", option: "--port", host, port: Number(configuration.port.value) },
    ];
    const mqttPort = mqttPortOf(configuration);
    if (mqttPort !== null) {
        plans.push({ name: "mqtt port", option: "--mqtt-port", host, port: mqttPort });
    }
    for (const { scheme, ...place } of linksOf(configuration).filter(isListener)) {
        plans.push({
            ...{ name: `${scheme} link`, option: "--link", ...place },
            isSecure: isSecure(scheme) || configuration.insecure.value === true,
            isDatagram: isDatagram(scheme),
        });
    }
    const httpLink = httpLinkOf(configuration);
    if (httpLink !== null) {
        const { tls, ...place } = httpLink;
        const names = { name: "http link port", option: "--http-link-port" };
        plans.push({ ...names, ...place, isSecure: tls !== null });
    }
    const checks: Check[] = [];
    for (const plan of plans) checks.push(await checkPort(plan, isServing));
    checks.push(...checkLines(configuration), ...(await checkBrokers(configuration)));
    return httpLink?.tls ? [...checks, checkCertificate(httpLink.tls)] : checks;
}
