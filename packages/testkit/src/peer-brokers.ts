import { spawnSync } from "node:child_process";
import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
    findProgram,
    freePort,
    type PeerBroker,
    PeerServer,
    type PeerTls,
    peerBroker,
} from "./peer-server.ts";

export type { PeerBroker, PeerTls } from "./peer-server.ts";

/** Names and passwords of those who may enter. */
type Users = Readonly<Record<string, string>>;

const mosquitto = findProgram("mosquitto");
const mosquittoPasswd = findProgram("mosquitto_passwd");
const prosody = findProgram("prosody");
/** The script itself: the one in the path changes to a user of the system. */
const RABBIT_SCRIPT = "/usr/lib/rabbitmq/bin/rabbitmq-server";
const rabbit = existsSync(RABBIT_SCRIPT) ? RABBIT_SCRIPT : null;

/** Which of these programs are installed. */
export const INSTALLED = {
    mosquitto: mosquitto !== null && mosquittoPasswd !== null,
    prosody: prosody !== null,
    rabbitmq: rabbit !== null,
} as const;

/** Who may say and hear what behind Mosquitto: `collector` every meter, a meter itself. */
const MOSQUITTO_RULES = `user collector
topic read ms/1/+/+/up/frame
topic write ms/1/+/+/dn/frame
pattern write ms/1/+/%u/up/frame
pattern read ms/1/+/%u/dn/frame
`;

/** Mosquitto on the loopback, with the access list that docs/reference/links.md shows. */
export async function makeMosquitto(users: Users, tls?: PeerTls): Promise<PeerBroker> {
    const directory = mkdtempSync(join(tmpdir(), "meterseal-mosquitto-"));
    const [passwords, rules, config] = ["users", "rules", "conf"].map((name) =>
        join(directory, name),
    ) as [string, string, string];
    const port = await freePort();
    const tlsPort = tls === undefined ? 0 : await freePort();
    writeFileSync(passwords, "");
    for (const [name, password] of Object.entries(users)) {
        spawnSync(mosquittoPasswd ?? "", ["-b", passwords, name, password]);
    }
    writeFileSync(rules, MOSQUITTO_RULES);
    const secure = [`listener ${tlsPort} 127.0.0.1`, `certfile ${tls?.certFile}`];
    const lines = [
        ...[
            "allow_anonymous false",
            "user root",
            "set_tcp_nodelay true",
            `password_file ${passwords}`,
        ],
        ...[`acl_file ${rules}`, "retain_available false", "persistence false"],
        ...["max_queued_messages 4000", "message_size_limit 70000"],
        `listener ${port} 127.0.0.1`,
        ...(tls === undefined ? [] : [...secure, `keyfile ${tls.keyFile}`]),
    ];
    writeFileSync(config, `${lines.join("\n")}\n`);
    for (const path of [passwords, rules]) chmodSync(path, 0o600);
    const open = (): PeerServer => new PeerServer(mosquitto ?? "", ["-c", config]);
    return peerBroker({ port, tlsPort, directory, open });
}

/** A virtual host of RabbitMQ beside the one that is its default. */
export const RABBIT_HOST = "north/1";

/** RabbitMQ with its plugin for AMQP 1.0, all of it on the loopback; one user may do anything. */
export async function makeRabbit(
    [name, password]: readonly [string, string] = ["guest", "guest"],
    tls?: PeerTls,
): Promise<PeerBroker> {
    const directory = mkdtempSync(join(tmpdir(), "meterseal-rabbitmq-"));
    const [port, epmdPort, distPort] = [await freePort(), await freePort(), await freePort()];
    const tlsPort = tls === undefined ? 0 : await freePort();
    const [plugins, config, definitions] = ["plugins", "rabbitmq.conf", "definitions.json"].map(
        (file) => join(directory, file),
    ) as [string, string, string];
    writeFileSync(plugins, "[rabbitmq_amqp1_0].\n");
    const all = { configure: ".*", write: ".*", read: ".*" };
    const users = [{ name, password, tags: "" }];
    const hosts = ["/", RABBIT_HOST];
    const permissions = hosts.map((vhost) => ({ user: name, vhost, ...all }));
    const vhosts = hosts.map((host) => ({ name: host }));
    writeFileSync(definitions, JSON.stringify({ vhosts, users, permissions }));
    const secure = [
        ...[`listeners.ssl.default = 127.0.0.1:${tlsPort}`, "ssl_options.verify = verify_none"],
        ...[`ssl_options.certfile = ${tls?.certFile}`, `ssl_options.keyfile = ${tls?.keyFile}`],
    ];
    const lines = [`load_definitions = ${definitions}`];
    writeFileSync(config, `${[...lines, ...(tls === undefined ? [] : secure)].join("\n")}\n`);
    const environment = {
        ...{ HOME: directory, RABBITMQ_NODENAME: `meterseal${port}@localhost` },
        ...{ RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1", RABBITMQ_NODE_PORT: `${port}` },
        ...{ RABBITMQ_DIST_PORT: `${distPort}`, RABBITMQ_MNESIA_BASE: join(directory, "data") },
        ...{ RABBITMQ_LOG_BASE: join(directory, "log"), RABBITMQ_CONFIG_FILE: config },
        ...{ RABBITMQ_ENABLED_PLUGINS_FILE: plugins },
        ...{ ERL_EPMD_ADDRESS: "127.0.0.1", ERL_EPMD_PORT: `${epmdPort}` },
        ERL_EPMD_RELAXED_COMMAND_CHECK: "true", // it may be ended though a node has only just gone
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
            "+S 2:2 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}",
    };
    return peerBroker({
        ...{ port, tlsPort, directory },
        open: () => new PeerServer(rabbit ?? "", [], environment),
        after: () => spawnSync(findProgram("epmd") ?? "epmd", ["-port", `${epmdPort}`, "-kill"]),
    });
}

/** Keys of SCRAM-SHA-1 (RFC 5802 section 3), with few rounds: the client's arithmetic is slow. */
function prosodyAccount(password: string): string {
    const [salt, rounds] = ["salt", 64];
    const salted = pbkdf2Sync(password, salt, rounds, 20, "sha1");
    const keyOf = (name: string) => createHmac("sha1", salted).update(name).digest();
    const stored = createHash("sha1").update(keyOf("Client Key")).digest("hex");
    const server = keyOf("Server Key").toString("hex");
    const fields = [`["iteration_count"] = ${rounds}`, `["salt"] = "${salt}"`];
    const keys = [`["stored_key"] = "${stored}"`, `["server_key"] = "${server}"`];
    return `return { ${[...fields, ...keys].join("; ")}; };\n`;
}

/**
 * Prosody on the loopback, the same accounts on each domain.
 * @param tls - for STARTTLS at `port`, and for TLS at `tlsPort`.
 */
export async function makeProsody(
    domains: readonly string[],
    users: Users,
    tls?: PeerTls,
): Promise<PeerBroker> {
    const directory = mkdtempSync(join(tmpdir(), "meterseal-prosody-"));
    const port = await freePort();
    const tlsPort = tls === undefined ? 0 : await freePort();
    for (const domain of domains) {
        const accounts = join(directory, "data", domain.replaceAll(".", "%2e"), "accounts");
        mkdirSync(accounts, { recursive: true });
        for (const [name, password] of Object.entries(users)) {
            writeFileSync(join(accounts, `${name}.dat`), prosodyAccount(password));
        }
    }
    const certificate = `{ certificate = "${tls?.certFile}"; key = "${tls?.keyFile}" }`;
    const lines = [
        ...["run_as_root = true", `data_path = "${join(directory, "data")}"`],
        ...[`pidfile = "${join(directory, "pid")}"`, 'log = { warn = "*console" }'],
        `modules_enabled = { "saslauth"${tls === undefined ? "" : ', "tls"'} }`,
        'modules_disabled = { "s2s", "offline" }',
        ...["c2s_require_encryption = false", "allow_unencrypted_plain_auth = true"],
        ...['authentication = "internal_hashed"', `c2s_ports = { ${port} }`],
        'c2s_interfaces = { "127.0.0.1" }',
        ...(tls === undefined
            ? []
            : [
                  `c2s_direct_tls_ports = { ${tlsPort} }`,
                  'c2s_direct_tls_interfaces = { "127.0.0.1" }',
                  `ssl = ${certificate}`,
                  `c2s_direct_tls_ssl = ${certificate}`,
              ]),
        ...domains.map((domain) => `VirtualHost "${domain}"`),
    ];
    const config = join(directory, "prosody.cfg.lua");
    writeFileSync(config, `${lines.join("\n")}\n`);
    const open = (): PeerServer => new PeerServer(prosody ?? "", ["-F", "--config", config]);
    return peerBroker({ port, tlsPort, directory, open });
}
