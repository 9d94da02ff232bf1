/*
 * Collects every result of a file in Java 17 or newer, through reconnects and restarts. When the file is over it prints them.
 *
 *     cd examples/java
 *     mvn -q dependency:copy-dependencies -DoutputDirectory=lib
 *     java -cp 'lib/*' Listener.java FILE_ID
 *
 * VERIGATE_URL (http://127.0.0.1:3000), VERIGATE_TOKEN (none).
 *
 * The rules are those of docs/socket.md, "Missing nothing". All that happens goes through one queue: what comes while the
 * answer to `subscribe` is awaited is taken after it.
 */
import io.socket.client.Ack;
import io.socket.client.IO;
import io.socket.client.Socket;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.json.JSONArray;
import org.json.JSONObject;

public class Listener {
  record Happening(String name, JSONObject body) {}

  record Place(String batch, int position) {}

  /** The last change that a listener has. */
  record Cursor(String epoch, int revision) {}

  @SuppressWarnings("serial")
  static class Refused extends Exception {
    Refused(String message) {
      super(message);
    }
  }

  static final List<String> EVENTS =
      List.of(Socket.EVENT_CONNECT, "file_stats", "file_emails", "file_deleted", "unsubscribed");

  final String gateway = System.getenv().getOrDefault("VERIGATE_URL", "http://127.0.0.1:3000");
  final String token = System.getenv("VERIGATE_TOKEN");
  final HttpClient http = HttpClient.newHttpClient();
  final LinkedBlockingQueue<Happening> happened = new LinkedBlockingQueue<>();
  final Map<Place, JSONObject> results = new LinkedHashMap<>();
  final String fileId;
  final Socket socket;
  JSONObject stats;
  Cursor since;

  Listener(String fileId) {
    this.fileId = fileId;
    var options = IO.Options.builder().setTransports(new String[] {"websocket"});
    if (token != null) options.setAuth(Map.of("token", token));
    socket = IO.socket(URI.create(gateway), options.build());
    for (String name : EVENTS) {
      socket.on(name, args -> happened.add(new Happening(name, args.length > 0 ? (JSONObject) args[0] : null)));
    }
  }

  void run() throws Exception {
    socket.connect();
    while (!isOver()) {
      Happening next = happened.take();
      switch (next.name) {
        case Socket.EVENT_CONNECT -> subscribe();
        case "file_stats" -> stats = next.body;
        case "file_emails" -> take(next.body);
        default -> throw new Refused(next.name + " " + next.body.optString("code"));
      }
      if (stats != null) {
        System.err.println(stats.getString("status") + " " + progress("percentage") + "%");
      }
    }
  }

  boolean isOver() {
    return stats != null
        && List.of("completed", "failed").contains(stats.getString("status"))
        && results.size() == progress("processed");
  }

  int progress(String of) {
    return stats.getJSONObject("progress").getInt(of);
  }

  void take(JSONObject event) throws Exception {
    if (since == null
        || !event.getString("epoch").equals(since.epoch)
        || event.getInt("previous") > since.revision) {
      subscribe();
    } else if (event.getInt("revision") > since.revision) {
      apply(event);
    }
  }

  void subscribe() throws Exception {
    while (socket.connected()) { // else `connect` comes again
      try {
        JSONObject answer = ask();
        if (answer.getBoolean("ok")) {
          catchUp(answer);
          return;
        }
        JSONObject error = answer.getJSONObject("error");
        if (!error.getBoolean("retryable")) throw new Refused(error.getString("message"));
      } catch (TimeoutException | IOException later) {
        // The gateway is away, or busy.
      }
      Thread.sleep(1000);
    }
  }

  JSONObject ask() throws Exception {
    JSONObject request = new JSONObject().put("fileId", fileId);
    if (since != null) {
      request.put("since", new JSONObject().put("epoch", since.epoch).put("revision", since.revision));
    }
    CompletableFuture<JSONObject> answer = new CompletableFuture<>();
    socket.emit("subscribe", request, (Ack) args -> answer.complete((JSONObject) args[0]));
    return answer.get(10, TimeUnit.SECONDS);
  }

  void catchUp(JSONObject answer) throws Exception {
    if (answer.getBoolean("recovered")) {
      for (Object event : answer.getJSONArray("missed")) apply((JSONObject) event);
    } else {
      since = null;
      results.clear();
      readPages();
    }
    since = new Cursor(answer.getString("epoch"), answer.getInt("revision"));
    stats = answer.getJSONObject("stats");
  }

  void apply(JSONObject event) {
    JSONArray truncated = event.optJSONArray("truncated");
    for (int i = 0; truncated != null && i < truncated.length(); i++) {
      JSONObject batch = truncated.getJSONObject(i);
      results.keySet().removeIf(
          place -> place.batch.equals(batch.getString("batchId")) && place.position >= batch.getInt("length"));
    }
    add(event.getJSONArray("emails"));
    since = new Cursor(event.getString("epoch"), event.getInt("revision"));
  }

  void add(JSONArray entries) {
    for (int i = 0; i < entries.length(); i++) {
      JSONObject result = entries.getJSONObject(i);
      results.put(new Place(result.getString("batchId"), result.getInt("position")), result);
    }
  }

  void readPages() throws IOException, InterruptedException {
    String path = "/api/files/" + URLEncoder.encode(fileId, StandardCharsets.UTF_8).replace("+", "%20") + "/emails";
    int pages = 1;
    for (int page = 1; page <= pages; page++) {
      var request = HttpRequest.newBuilder(URI.create(gateway + path + "?limit=500&page=" + page));
      if (token != null) request.header("Authorization", "Bearer " + token);
      var answer = http.send(request.build(), HttpResponse.BodyHandlers.ofString());
      if (answer.statusCode() == 404) return; // nothing is known of the file yet
      if (answer.statusCode() != 200) throw new IOException("status " + answer.statusCode());
      JSONObject body = new JSONObject(answer.body());
      add(body.getJSONArray("emails"));
      pages = body.getJSONObject("pagination").getInt("pages");
    }
  }

  public static void main(String[] arguments) throws Exception {
    if (arguments.length != 1) {
      System.err.println("Usage: java -cp 'lib/*' Listener.java FILE_ID");
      System.exit(64);
    }
    Listener listener = new Listener(arguments[0]);
    try {
      listener.run();
      for (JSONObject result : listener.results.values()) {
        System.out.println(new JSONObject(result, "batchId", "position", "status", "email"));
      }
    } catch (Refused refused) {
      System.err.println(refused.getMessage());
      System.exit(1);
    }
    listener.socket.disconnect();
    System.exit(0);
  }
}
