import { messageOf, type PlainItem } from "@meterseal/ledger";
import { decodeCbor, NOTICE_KIND, topicOf } from "@meterseal/record";
import { roleName } from "../party/exchange.ts";

/** What a message of the log says that has no body: an enrolment, party, notice or tariff. */
export function describeEntry(item: PlainItem): object {
    const { hash, kid } = messageOf(item);
    return { message: item.kind, ...fieldsOf(item), hash, signedBy: kid };
}

function fieldsOf(item: PlainItem): object {
    switch (item.kind) {
        case "enrolment": {
            const { message: _, ...enrolment } = item.enrolment;
            return enrolment;
        }
        case "party": {
            const { message: _, role, ...party } = item.party;
            return { role: roleName(role), ...party };
        }
        case "notice": {
            const { kind, network, party, timeUnix } = item.notice;
            const name = Object.entries(NOTICE_KIND).find(([, value]) => value === kind)?.[0];
            const more = "findings" in item.notice ? { findings: item.notice.findings } : {};
            return { kind: name, about: topicOf(item.notice), ...more, network, party, timeUnix };
        }
        case "tariff": {
            const { body, network, party, timeUnix } = item.tariff;
            return { network, party, timeUnix, body: decodeCbor(body) };
        }
        case "revocation": {
            const { message: _, ...revocation } = item.revocation;
            return revocation;
        }
        case "pruning": {
            const { message: _, ...pruning } = item.pruning;
            return pruning;
        }
    }
}
