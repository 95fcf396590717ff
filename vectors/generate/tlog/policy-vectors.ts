// Cosignatures and policies.
import { signNote } from '@runproof/tlog';
import {
  checkpointText,
  cosigned,
  damage,
  log,
  otherLog,
  sameNameLog,
  signedCheckpoint,
  TIME_SECONDS,
  witness1,
  witness2,
  witness3,
} from './material.ts';

export function cosignatureVectors(): [object[], object[]] {
  const note = cosigned(signedCheckpoint(7), witness1);
  return [
    [{ comment: 'a cosigned checkpoint', note, vkey: witness1.vkey, timeSeconds: TIME_SECONDS }],
    [
      { comment: 'another witness', note, vkey: witness2.vkey },
      { comment: 'the key of the log', note, vkey: log.vkey },
      { comment: 'one bit of the signature', note: damage(note, 10), vkey: witness1.vkey },
      {
        comment: 'another time',
        note: note.replace(/(— witness\.example\/1 .{9})./, (_, head: string) => `${head}B`),
        vkey: witness1.vkey,
      },
      {
        comment: 'moved to another checkpoint',
        note: signedCheckpoint(8) + note.slice(note.lastIndexOf('—')),
        vkey: witness1.vkey,
      },
    ],
  ];
}

const WITNESSES = [witness1, witness2, witness3].map(({ vkey }, index) => `witness w${index + 1} ${vkey}\n`).join('');
const LOG = `log ${log.vkey}\n`;
const DIGEST = `sha256:${'51'.repeat(32)}`;

export function policyVectors(): [object[], object[]] {
  const canonical = `${LOG}quorum none\n`;
  const valid = [
    { comment: 'one log', text: canonical, canonical },
    {
      comment: 'comments, tabs, empty lines, spaces around',
      text: `# a comment\n\n \t# another\n  log\t${log.vkey}  \n\tquorum  none \n`,
      canonical,
    },
    {
      comment: 'models and engines',
      text: `${LOG}model ${DIGEST} runproof-tiny\nengine exact-1\nquorum none\n`,
      canonical: `${LOG}quorum none\nmodel ${DIGEST} runproof-tiny\nengine exact-1\n`,
    },
    {
      comment: 'groups',
      text: `${LOG}${WITNESSES}group a any w1 w2\ngroup b all a w3\nquorum b\n`,
      canonical: `${LOG}${WITNESSES}group a 1 w1 w2\ngroup b 2 a w3\nquorum b\n`,
    },
    {
      comment: 'a url',
      text: `log ${log.vkey} https://log.example/\nquorum none\n`,
      canonical: `log ${log.vkey} https://log.example/\nquorum none\n`,
    },
    {
      comment: 'a witness as quorum',
      text: `${LOG}${WITNESSES}quorum w2\n`,
      canonical: `${LOG}${WITNESSES}quorum w2\n`,
    },
  ];
  const bad = (comment: string, text: string, line: number) => ({ comment, text, line });
  const invalid = [
    bad('no log', 'quorum none\n', 1),
    bad('no quorum', LOG, 1),
    bad('two quorums', `${canonical}quorum none\n`, 3),
    bad('an unknown directive', `${canonical}logs ${otherLog.vkey}\n`, 3),
    bad('a directive of the prototype', `${canonical}constructor x\n`, 3),
    bad('a damaged key', `log ${log.vkey.replace('+', '+0')}\nquorum none\n`, 1),
    bad('a witness key for a log', `log ${witness1.vkey}\nquorum none\n`, 1),
    bad('a log key for a witness', `${LOG}witness w ${log.vkey}\nquorum w\n`, 2),
    bad('the same log twice', `${LOG}${LOG}quorum none\n`, 2),
    bad(
      'the same witness under two names',
      `${LOG}witness a ${witness1.vkey}\nwitness b ${witness1.vkey}\nquorum a\n`,
      3,
    ),
    bad('a name twice', `${LOG}witness a ${witness1.vkey}\nwitness a ${witness2.vkey}\nquorum a\n`, 3),
    bad('a witness named none', `${LOG}witness none ${witness1.vkey}\nquorum none\n`, 2),
    bad('a quorum that is not defined', `${LOG}quorum w1\n`, 2),
    bad('a quorum defined later', `${LOG}quorum w1\n${WITNESSES}`, 2),
    bad('a group without members', `${LOG}${WITNESSES}group g any\nquorum g\n`, 5),
    bad('a threshold of zero', `${LOG}${WITNESSES}group g 0 w1\nquorum g\n`, 5),
    bad('a threshold beyond the members', `${LOG}${WITNESSES}group g 3 w1 w2\nquorum g\n`, 5),
    bad('a member twice', `${LOG}${WITNESSES}group g 2 w1 w1\nquorum g\n`, 5),
    bad('a member of two groups', `${LOG}${WITNESSES}group g any w1\ngroup h any w1\nquorum g\n`, 6),
    bad('a member that is not defined', `${LOG}${WITNESSES}group g any w9\nquorum g\n`, 5),
    bad('a group in itself', `${LOG}${WITNESSES}group g any g\nquorum g\n`, 5),
    bad('none as a member', `${LOG}${WITNESSES}group g any none\nquorum g\n`, 5),
    bad('a field too many', `log ${log.vkey} https://log.example/ x\nquorum none\n`, 1),
    bad('a model that is no digest', `${canonical}model 5151\n`, 3),
    bad('a model with upper-case digits', `${canonical}model sha256:${'AB'.repeat(32)}\n`, 3),
    bad('a model twice', `${canonical}model ${DIGEST}\nmodel ${DIGEST} again\n`, 4),
    bad('an engine without a name', `${canonical}engine\n`, 3),
    bad('an engine twice', `${canonical}engine exact-1\nengine exact-1\n`, 4),
    bad('no line break at the end', canonical.slice(0, -1), 0),
    bad('a carriage return', canonical.replace('\n', '\r\n'), 1),
  ];
  return [valid, invalid];
}

/** Two of three witnesses. */
const grouped = `${LOG}${WITNESSES}group g 2 w1 w2 w3\nquorum g\n`;

function acceptedCheckpoints(): object[] {
  const note = signedCheckpoint(7);
  return [
    { comment: 'no quorum', policy: `${LOG}quorum none\n`, note, witnesses: [], quorumMet: true },
    {
      comment: 'cosignatures of unknown witnesses are ignored',
      policy: `${LOG}quorum none\n`,
      note: cosigned(note, witness1),
      witnesses: [],
      quorumMet: true,
    },
    { comment: 'one of two', policy: grouped, note: cosigned(note, witness2), witnesses: ['w2'], quorumMet: false },
    {
      comment: 'two of three',
      policy: grouped,
      note: cosigned(note, witness3, witness1),
      witnesses: ['w1', 'w3'],
      quorumMet: true,
    },
    {
      comment: 'one witness twice counts once',
      policy: grouped,
      note: cosigned(note, witness2, witness2),
      witnesses: ['w2'],
      quorumMet: false,
    },
    {
      comment: 'any',
      policy: `${LOG}${WITNESSES}group g any w1 w2 w3\nquorum g\n`,
      note: cosigned(note, witness3),
      witnesses: ['w3'],
      quorumMet: true,
    },
    {
      comment: 'all, one missing',
      policy: `${LOG}${WITNESSES}group g all w1 w2 w3\nquorum g\n`,
      note: cosigned(note, witness3, witness2),
      witnesses: ['w2', 'w3'],
      quorumMet: false,
    },
    {
      comment: 'a group of a group',
      policy: `${LOG}${WITNESSES}group a any w1 w2\ngroup b all a w3\nquorum b\n`,
      note: cosigned(note, witness2, witness3),
      witnesses: ['w2', 'w3'],
      quorumMet: true,
    },
    {
      comment: 'a group that is not the quorum decides nothing',
      policy: `${LOG}${WITNESSES}group a any w1 w2\nquorum w3\n`,
      note: cosigned(note, witness1),
      witnesses: ['w1'],
      quorumMet: false,
    },
    { comment: 'two logs', policy: `log ${otherLog.vkey}\n${LOG}quorum none\n`, note, witnesses: [], quorumMet: true },
    {
      comment: 'a second key of the same origin',
      policy: `log ${sameNameLog.vkey}\n${LOG}quorum none\n`,
      note,
      witnesses: [],
      quorumMet: true,
    },
  ];
}

function refusedCheckpoints(): object[] {
  const note = signedCheckpoint(7);
  const bad = (comment: string, policy: string, text: string, code: string) => ({ comment, policy, note: text, code });
  const underOtherName = signNote(checkpointText(7, otherLog.name), log);
  return [
    bad('another log', `log ${otherLog.vkey}\nquorum none\n`, note, 'UNTRUSTED'),
    bad(
      'the origin of a log of the policy, signed by another of its logs',
      `${LOG}log ${otherLog.vkey}\nquorum none\n`,
      underOtherName,
      'SIGNATURE_INVALID',
    ),
    bad('the same name, another key', `log ${sameNameLog.vkey}\nquorum none\n`, note, 'SIGNATURE_INVALID'),
    bad(
      'only a witness signed',
      `${LOG}${WITNESSES}quorum w1\n`,
      cosigned(note, witness1).replace(/— log.*\n/, ''),
      'SIGNATURE_INVALID',
    ),
    bad('a cosignature that does not hold', grouped, damage(cosigned(note, witness1), 10), 'SIGNATURE_INVALID'),
    bad('one digit of the size', `${LOG}quorum none\n`, note.replace('\n7\n', '\n8\n'), 'SIGNATURE_INVALID'),
    bad('a note that is no checkpoint', `${LOG}quorum none\n`, signNote('hello\n', log), 'NOTE_SYNTAX'),
  ];
}

export function evaluationVectors(): [object[], object[]] {
  return [acceptedCheckpoints(), refusedCheckpoints()];
}
