"""Keys and JWTs of another implementation, PyJWT on OpenSSL: JSON on stdout. Arguments: issuer, audience, end in seconds."""

import base64
import json
import sys

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

issuer, audience, ends = sys.argv[1], sys.argv[2], int(sys.argv[3])


def b64(number, size):
    return base64.urlsafe_b64encode(number.to_bytes(size, "big")).rstrip(b"=").decode()


def rsa_jwk(key):
    numbers = key.public_key().public_numbers()
    return {"kty": "RSA", "n": b64(numbers.n, 256), "e": b64(numbers.e, 3)}


def ec_jwk(key, curve, size):
    numbers = key.public_key().public_numbers()
    return {"kty": "EC", "crv": curve, "x": b64(numbers.x, size), "y": b64(numbers.y, size)}


def ed_jwk(key):
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {"kty": "OKP", "crv": "Ed25519", "x": b64(int.from_bytes(raw, "big"), 32)}


rsa_key = rsa.generate_private_key(65537, 2048)
made = {alg: (rsa_key, rsa_jwk(rsa_key)) for alg in ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]}
for alg, curve, name, size in [
    ("ES256", ec.SECP256R1(), "P-256", 32),
    ("ES384", ec.SECP384R1(), "P-384", 48),
    ("ES512", ec.SECP521R1(), "P-521", 66),
]:
    key = ec.generate_private_key(curve)
    made[alg] = (key, ec_jwk(key, name, size))
ed_key = ed25519.Ed25519PrivateKey.generate()
made["EdDSA"] = (ed_key, ed_jwk(ed_key))

keys, jwts = [], {}
for alg, (key, jwk) in made.items():
    # Some providers say no alg with their keys.
    keys.append({**jwk, "kid": alg, "use": "sig"})
    claims = {"iss": issuer, "aud": [audience, "other"], "sub": "ann", "roles": ["watchpost-operator"], "exp": ends}
    jwts[alg] = jwt.encode(claims, key, algorithm=alg, headers={"kid": alg})
print(json.dumps({"keys": keys, "jwts": jwts, "none": jwt.encode(claims, None, algorithm="none")}))
