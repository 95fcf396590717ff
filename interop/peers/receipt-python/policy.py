"""specs/policy.md: C2SP tlog-policy with `model` and `engine`."""
import re
from collections import namedtuple
from common import Refused, utf16_length
from receipt import contract_id, digest, model_name
import tlog

Policy = namedtuple('Policy', 'logs witnesses groups quorum models engines urls')


class PolicyReader:
    def __init__(self):
        self.policy = Policy([], {}, {}, [], [], [], {})
        self.members = set()

    def key(self, text, key_type, known):
        key = tlog.parse_vkey(text)
        if key.type != key_type or key.public in [other.public for other in known]: raise ValueError
        return key

    def define(self, name):
        if name == 'none' or name in self.policy.witnesses or name in self.policy.groups: raise ValueError
        return name

    def log(self, vkey, url=None):
        self.policy.logs.append(self.key(vkey, tlog.LOG_KEY, self.policy.logs))
        self.policy.urls[vkey] = url

    def witness(self, name, vkey, url=None):
        known = self.policy.witnesses.values()
        self.policy.witnesses[self.define(name)] = self.key(vkey, tlog.WITNESS_KEY, known)
        self.policy.urls[vkey] = url

    def group(self, name, threshold, *members):
        self.define(name)
        known = {**self.policy.witnesses, **self.policy.groups}
        if not members or not all(member in known for member in members): raise ValueError
        if len(set(members)) != len(members) or self.members & set(members): raise ValueError
        least = {'any': '1', 'all': str(len(members))}.get(threshold, threshold)
        if re.fullmatch('[1-9][0-9]*', least) is None or int(least) > len(members): raise ValueError
        self.members |= set(members)
        self.policy.groups[name] = (int(least), members)

    def quorum(self, name):
        known = {**self.policy.witnesses, **self.policy.groups, 'none': None}
        if self.policy.quorum or name not in known: raise ValueError
        self.policy.quorum.append(name)

    def model(self, text, name=None):
        if not digest(text) or text in dict(self.policy.models): raise ValueError
        if name is not None and not model_name(name): raise ValueError
        self.policy.models.append((text, name))

    def engine(self, contract):
        if not contract_id(contract) or contract in self.policy.engines: raise ValueError
        self.policy.engines.append(contract)


UNITS_MAX, LINES_MAX = 2 ** 20, 4096
DIRECTIVES = ('log', 'witness', 'group', 'quorum', 'model', 'engine')


def parse_policy(text):
    lines = text.split('\n')
    if utf16_length(text) > UNITS_MAX or len(lines) > LINES_MAX: raise Refused('POLICY_SYNTAX', 'too long', 0)
    if lines.pop() != '': raise Refused('POLICY_SYNTAX', 'no line break at the end', 0)
    reader = PolicyReader()
    for number, line in enumerate(lines, 1):
        fields = [field for field in re.split('[ \t]+', line) if field != '']
        try:
            if any((ord(c) < 32 and c != '\t') or c == '\x7f' for c in line): raise ValueError
            if not fields or fields[0].startswith('#'): continue
            if fields[0] not in DIRECTIVES: raise ValueError
            getattr(reader, fields[0])(*fields[1:])
        except (ValueError, TypeError, Refused):
            raise Refused('POLICY_SYNTAX', line, number)
    if not reader.policy.logs or not reader.policy.quorum: raise Refused('POLICY_SYNTAX', 'log or quorum', len(lines))
    return reader.policy


def holds(policy, name, present):
    if name in policy.witnesses: return name in present
    least, members = policy.groups[name]
    return sum(holds(policy, member, present) for member in members) >= least


def quorum_met(policy, present): return policy.quorum == ['none'] or holds(policy, policy.quorum[0], present)
