// Makes tokens with java-jwt: `java -cp 'java-jwt.jar:jackson-*.jar' JavaJwt.java FOLDER`, which has secret.txt, rsa.pem and ec.pem.
// tokens.json has what it printed; the private keys were thrown away. java-jwt has neither PS256 nor EdDSA.
import com.auth0.jwt.JWT;
import com.auth0.jwt.algorithms.Algorithm;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.interfaces.ECPrivateKey;
import java.security.interfaces.RSAPrivateKey;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Instant;
import java.util.Base64;
import java.util.List;

class JavaJwt {
	static PrivateKey key(Path path, String type) throws Exception {
		String text = Files.readString(path).replaceAll("-----[A-Z ]+-----|\\s", "");
		return KeyFactory.getInstance(type).generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(text)));
	}

	static void print(Algorithm algorithm, String end) {
		String token = JWT.create()
			.withKeyId(algorithm.getName())
			.withSubject("ada")
			.withIssuer("https://issuer.example")
			.withAudience("other", "tro")
			.withIssuedAt(Instant.ofEpochSecond(1764374400))
			.withExpiresAt(Instant.ofEpochSecond(4102444800L))
			.withClaim("scp", List.of("openid", "tro:service"))
			.sign(algorithm);
		System.out.println("    \"" + algorithm.getName() + "\": \"" + token + "\"" + end);
	}

	public static void main(String[] arguments) throws Exception {
		Path folder = Path.of(arguments[0]);
		System.out.println("{\n  \"tokens\": {");
		print(Algorithm.HMAC256(Files.readString(folder.resolve("secret.txt")).strip()), ",");
		print(Algorithm.RSA256(null, (RSAPrivateKey) key(folder.resolve("rsa.pem"), "RSA")), ",");
		print(Algorithm.ECDSA256(null, (ECPrivateKey) key(folder.resolve("ec.pem"), "EC")), "");
		System.out.println("  }\n}");
	}
}
