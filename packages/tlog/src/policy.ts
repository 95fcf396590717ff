// Policy files (specs/policy.md): C2SP tlog-policy with the directives `model` and `engine`.
import { RunproofError } from '@runproof/protocol';
import { parseDecimal } from './checkpoint.ts';
import { hasControlCharacters, hasLoneSurrogates } from './text.ts';
import {
  COSIGNATURE_V1,
  ED25519,
  encodeVerifierKey,
  parseVerifierKey,
  type SignatureType,
  type VerifierKey,
} from './verifier-key.ts';

const POLICY_CHARACTERS_MAX = 1_048_576;
const POLICY_LINES_MAX = 4096;

export interface PolicyLog {
  /** type 1; its name is the origin */
  readonly key: VerifierKey;
  readonly url: string | null;
}

export interface PolicyWitness {
  readonly name: string;
  /** type 4 */
  readonly key: VerifierKey;
  readonly url: string | null;
}

export interface PolicyGroup {
  readonly name: string;
  /** members that have to witness: 1 … members.length; `any` is 1, `all` is members.length */
  readonly threshold: number;
  /** names of witnesses, and of groups that stand earlier */
  readonly members: readonly string[];
}

export interface PolicyModel {
  /** `sha256:<hex>` */
  readonly digest: string;
  /** information only */
  readonly name: string | null;
}

export interface Policy {
  readonly logs: readonly PolicyLog[];
  readonly witnesses: readonly PolicyWitness[];
  readonly groups: readonly PolicyGroup[];
  /** name of a witness or a group; null is `quorum none` */
  readonly quorum: string | null;
  readonly models: readonly PolicyModel[];
  /** contract ids */
  readonly engines: readonly string[];
}

/** What is read so far. `quorum` is undefined until its line was seen. */
interface Draft {
  readonly logs: PolicyLog[];
  readonly witnesses: PolicyWitness[];
  readonly groups: PolicyGroup[];
  quorum: string | null | undefined;
  readonly models: PolicyModel[];
  readonly engines: string[];
  /** names of witnesses and groups → whether one was used as a member */
  readonly names: Map<string, boolean>;
}

function fail(message: string): RunproofError {
  return new RunproofError('POLICY_SYNTAX', message);
}

const hexKey = (key: VerifierKey): string => key.publicKey.join();

function parseKey(text: string | undefined, type: SignatureType): VerifierKey {
  if (text === undefined) throw fail('a verifier key is missing');
  let key: VerifierKey;
  try {
    key = parseVerifierKey(text);
  } catch (error) {
    if (RunproofError.isInstance(error)) throw fail(error.message);
    throw error;
  }
  if (key.type !== type) throw fail(`the key has signature type ${key.type}, here it must be ${type}`);
  return key;
}

function defineName(draft: Draft, name: string | undefined): string {
  if (name === undefined) throw fail('a name is missing');
  if (name === 'none') throw fail('the name none is reserved');
  if (draft.names.has(name)) throw fail(`the name ${name} is defined twice`);
  draft.names.set(name, false);
  return name;
}

function assertCount(fields: readonly string[], most: number): void {
  if (fields.length > most) throw fail(`at most ${most} fields are expected after the directive`);
}

function parseThreshold(text: string | undefined, members: number): number {
  if (text === undefined || members === 0) throw fail('a group is a name, k or any or all, and at least one member');
  const threshold = text === 'any' ? 1 : text === 'all' ? members : parseDecimal(text);
  if (threshold === null || threshold < 1 || threshold > members)
    throw fail(`the threshold is any, all, or 1 to ${members}`);
  return threshold;
}

/** Each directive reads the fields after its name. */
const DIRECTIVES: Readonly<Record<string, (draft: Draft, fields: readonly string[]) => void>> = {
  log(draft, fields) {
    assertCount(fields, 2);
    const key = parseKey(fields[0], ED25519);
    if (draft.logs.some((log) => hexKey(log.key) === hexKey(key))) throw fail('this log key stands here twice');
    draft.logs.push({ key, url: fields[1] ?? null });
  },
  witness(draft, fields) {
    assertCount(fields, 3);
    const name = defineName(draft, fields[0]);
    const key = parseKey(fields[1], COSIGNATURE_V1);
    // One witness under two names would be counted twice.
    if (draft.witnesses.some((witness) => hexKey(witness.key) === hexKey(key)))
      throw fail('this witness key stands here twice');
    draft.witnesses.push({ name, key, url: fields[2] ?? null });
  },
  group(draft, fields) {
    const [name, thresholdText, ...members] = fields;
    const threshold = parseThreshold(thresholdText, members.length);
    for (const member of members) {
      const used = draft.names.get(member);
      if (used === undefined) throw fail(`${member} is not defined on an earlier line`);
      // A member of two groups could count twice towards a quorum over both.
      if (used) throw fail(`${member} is already a member of a group`);
      draft.names.set(member, true);
    }
    draft.groups.push({ name: defineName(draft, name), threshold, members });
  },
  quorum(draft, fields) {
    assertCount(fields, 1);
    const [name] = fields;
    if (draft.quorum !== undefined) throw fail('a second quorum');
    if (name === undefined) throw fail('the quorum is a name or none');
    if (name !== 'none' && !draft.names.has(name)) throw fail(`${name} is not defined on an earlier line`);
    draft.quorum = name === 'none' ? null : name;
  },
  model(draft, fields) {
    assertCount(fields, 2);
    const [digest = '', name = null] = fields;
    if (!/^sha256:[0-9a-f]{64}$/.test(digest)) throw fail('a model is sha256: and 64 lower-case hex digits');
    if (name !== null && !/^[A-Za-z0-9._:/-]{1,128}$/.test(name))
      throw fail('a model name has 1 to 128 of A-Z a-z 0-9 . _ : / -');
    if (draft.models.some((model) => model.digest === digest)) throw fail('this model stands here twice');
    draft.models.push({ digest, name });
  },
  engine(draft, fields) {
    assertCount(fields, 1);
    const [contract = ''] = fields;
    if (!/^[a-z0-9][a-z0-9.-]{0,63}$/.test(contract))
      throw fail('an engine is the name of a contract, such as exact-1');
    if (draft.engines.includes(contract)) throw fail('this engine stands here twice');
    draft.engines.push(contract);
  },
};

function parseLine(draft: Draft, line: string): void {
  const [directive, ...fields] = line.split(/[ \t]+/).filter((field) => field !== '');
  if (directive === undefined || directive.startsWith('#')) return;
  if (!Object.hasOwn(DIRECTIVES, directive)) throw fail(`unknown directive ${directive.slice(0, 40)}`);
  DIRECTIVES[directive]?.(draft, fields);
}

/** Reads a policy. Anything that is not understood condemns the whole file: `POLICY_SYNTAX`, evidence `line` (from 1). */
export function parsePolicy(text: string): Policy {
  if (text.length > POLICY_CHARACTERS_MAX) throw fail(`a policy has at most ${POLICY_CHARACTERS_MAX} characters`);
  if (!text.endsWith('\n')) throw fail('every line of a policy ends in LF');
  const lines = text.slice(0, -1).split('\n');
  if (lines.length > POLICY_LINES_MAX) throw fail(`a policy has at most ${POLICY_LINES_MAX} lines`);
  const draft: Draft = {
    logs: [],
    witnesses: [],
    groups: [],
    quorum: undefined,
    models: [],
    engines: [],
    names: new Map(),
  };
  for (const [index, line] of lines.entries()) {
    try {
      if (hasControlCharacters(line, '\t') || line.includes('\u007f') || hasLoneSurrogates(line))
        throw fail('a control character or a lone surrogate');
      parseLine(draft, line);
    } catch (error) {
      if (!RunproofError.isInstance(error)) throw error;
      throw new RunproofError('POLICY_SYNTAX', `line ${index + 1}: ${error.message}`, { line: index + 1 });
    }
  }
  const { logs, witnesses, groups, quorum, models, engines } = draft;
  if (logs.length === 0)
    throw new RunproofError('POLICY_SYNTAX', 'a policy has at least one log', { line: lines.length });
  if (quorum === undefined)
    throw new RunproofError('POLICY_SYNTAX', 'a policy has exactly one quorum', { line: lines.length });
  return { logs, witnesses, groups, quorum, models, engines };
}

/**
 * The policy in its canonical spelling, without comments: `parsePolicy` reads the same policy from it. `POLICY_SYNTAX` for a
 * value that no file could say.
 */
export function encodePolicy(policy: Policy): string {
  const lines: (readonly (string | null)[])[] = [
    ...policy.logs.map(({ key, url }) => ['log', encodeVerifierKey(key), url]),
    ...policy.witnesses.map(({ name, key, url }) => ['witness', name, encodeVerifierKey(key), url]),
    ...policy.groups.map(({ name, threshold, members }) => ['group', name, String(threshold), ...members]),
    ['quorum', policy.quorum ?? 'none'],
    ...policy.models.map(({ digest, name }) => ['model', digest, name]),
    ...policy.engines.map((contract) => ['engine', contract]),
  ];
  const text = lines
    .map(
      (fields) =>
        `${fields
          .filter((field) => field !== null)
          .map(assertField)
          .join(' ')}\n`,
    )
    .join('');
  parsePolicy(text);
  return text;
}

/** A value with a space or a line break in it would become another directive. */
function assertField(field: string): string {
  if (field === '' || field.includes(' ') || hasControlCharacters(field, ''))
    throw fail(`not one field: ${JSON.stringify(field.slice(0, 80))}`);
  return field;
}
