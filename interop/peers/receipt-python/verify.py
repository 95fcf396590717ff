"""A second verifier of receipts, written from specs/ alone: every check of specs/verify-report.md that needs no model.

Plain Python, standard library only.
Usage: python3 verify.py < QUESTIONS > REPORTS
A question is one line of JSON: {"bundle", "policy", "request"?, "response"?, "nonce"?, "base64"?}, all strings; with "base64": true all
but policy and nonce are base64. Its answer is one line: {"verdict", "level", "receipt", "missing", "failed"}, or {"error": code} for a policy that cannot be read.
"""
import base64, json, sys
from common import Refused
from policy import parse_policy, quorum_met
from receipt import NO_TRACE, commit, encode_ids, encode_output, log_entry, parse_bundle
from request import check_parameters, parse_request, sampling_seed
from response import read_response
import tlog

CHECKS = (
    'bundle.parse', 'policy.log', 'log.signature', 'log.witnesses', 'log.inclusion', 'body.origin', 'model.trusted', 'engine.trusted',
    'nonce.match', 'request.match', 'request.parameters', 'seed.match', 'response.match', 'disclosure.prompt', 'disclosure.tokens',
    'disclosure.trace',
)
SEALED = CHECKS[:CHECKS.index('response.match') + 1]


class Verification:
    """One run: `run` holds the result of every check that was run."""

    def __init__(self, bundle, policy, request, response, nonce):
        self.policy, self.request, self.response, self.nonce = parse_policy(policy), request, response, nonce
        self.run, self.missing, self.receipt = {}, [], None
        if self.check('bundle.parse', lambda: self.parse(bundle)): self.check_all()

    def check(self, name, holds):
        try:
            self.run[name] = holds() is not False
        except Refused:
            self.run[name] = False
        return self.run[name]

    def need(self, name, given, holds):
        if given: self.check(name, holds)
        else: self.missing.append(name)

    def parse(self, data):
        self.bundle, self.proof = parse_bundle(data)
        self.body, self.salt = self.bundle['body'], bytes.fromhex(self.bundle['salt'])
        self.leaf = tlog.leaf_hash(log_entry(self.body, self.salt))
        self.receipt = self.leaf.hex()

    def check_all(self):
        self.check_log()
        body, policy = self.body, self.policy
        self.need('model.trusted', policy.models, lambda: body['model']['digest'] in dict(policy.models))
        self.need('engine.trusted', policy.engines, lambda: body['engine']['contract'] in policy.engines)
        if self.nonce is not None: self.check('nonce.match', lambda: body['nonce'] == self.nonce)
        self.need('request.match', self.request is not None, lambda: body['request'] == commit(self.salt, 'request', self.request))
        if self.run.get('request.match'):
            self.check('request.parameters', lambda: check_parameters(self.request, body, policy.models))
            self.check('seed.match', self.seed_matches)
        self.need('response.match', self.response is not None, self.response_matches)
        if self.bundle['disclosure'] is not None: self.check_disclosure(self.bundle['disclosure'])

    def check_log(self):
        origin, checkpoint = self.body['origin'], self.proof.checkpoint
        keys = [key for key in self.policy.logs if key.name == checkpoint.origin]
        if self.check('policy.log', lambda: bool(keys)):
            signed = self.check('log.signature', lambda: self.signed_by(keys))
            if signed and self.policy.quorum != ['none']: self.check('log.witnesses', self.witnessed)
        self.check('log.inclusion', lambda: tlog.included(
            self.proof.index, checkpoint.size, self.leaf, self.proof.hashes, checkpoint.root))
        self.check('body.origin', lambda: origin == checkpoint.origin)

    def signed_by(self, keys):
        self.signers = tlog.signers(self.proof.note, keys + list(self.policy.witnesses.values()))
        return any(key in self.signers for key in keys)

    def witnessed(self):
        return quorum_met(self.policy, {name for name, key in self.policy.witnesses.items() if key in self.signers})

    def seed_matches(self):
        nonce = bytes.fromhex(self.body['nonce'])
        return self.body['sampling']['seed'] == sampling_seed(parse_request(self.request), self.request, nonce)

    def response_matches(self):
        text, reason, usages = read_response(self.response, self.body['operation'])
        if reason != self.body['finish_reason']: return False
        for usage in usages:
            if any(usage.get(name) != count for name, count in self.body['usage'].items()): return False
        return self.body['output'] == commit(self.salt, 'output', encode_output(text, reason))

    def check_disclosure(self, disclosure):
        body, usage = self.body, self.body['usage']
        prompt, completion, trace = disclosure['prompt'], disclosure['completion'], base64.b64decode(disclosure['trace'])
        self.check('disclosure.prompt', lambda: len(prompt) == usage['prompt_tokens']
                   and body['prompt'] == commit(self.salt, 'prompt', encode_ids(prompt)))
        self.check('disclosure.tokens', lambda: len(completion) == usage['completion_tokens']
                   and len(completion) <= body['sampling']['max_tokens']
                   and body['tokens'] == commit(self.salt, 'tokens', encode_ids(completion) + trace))
        self.check('disclosure.trace', lambda: self.trace_fits(trace, len(completion)))

    def trace_fits(self, trace, count):
        root = self.body['trace']
        if 'replayed' not in self.body['levels']: return trace == b''
        if len(trace) != 8 * count: return False
        return root == NO_TRACE if count == 0 else trace[-8:].hex() == root[:16]

    def report(self):
        failed = [name for name in CHECKS if self.run.get(name) is False]
        verdict = 'invalid' if failed else 'incomplete' if self.missing else 'valid'
        spared = {'log.witnesses': self.policy.quorum == ['none'], 'nonce.match': self.nonce is None}
        needed = [name for name in SEALED if not spared.get(name)]
        level = 'sealed' if not failed and all(self.run.get(name) for name in needed) else 'none'
        return {'verdict': verdict, 'level': level, 'receipt': self.receipt, 'missing': self.missing, 'failed': failed}


def verify(bundle, policy, request=None, response=None, nonce=None):
    """The report over bytes. Raises Refused (POLICY_SYNTAX) for a policy that cannot be read, and nothing else."""
    return Verification(bundle, policy, request, response, nonce).report()


def answer(question):
    def data(name):
        text = question.get(name)
        if text is None: return None
        return base64.b64decode(text) if question.get('base64') else text.encode()
    try:
        return verify(data('bundle'), question['policy'], data('request'), data('response'), question.get('nonce'))
    except Refused as error:
        return {'error': error.code}


if __name__ == '__main__':
    for line in sys.stdin.buffer: print(json.dumps(answer(json.loads(line))), flush=True)
